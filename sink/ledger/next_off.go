//go:build !nextrelease

package ledger

// next is 1 in binaries that stand for a later release in the tests.
const next = 0
