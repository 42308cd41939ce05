// Package scenario holds the system tests: real worker processes of the shipped
// program on a real server, killed where it hurts, and judged by the publishers'
// own record of what the server acknowledged to them. What landed is read by the
// reference implementation. It shares no code with the ledger.
package scenario
