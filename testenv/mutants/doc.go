// Package mutants asserts that the tests catch deliberate bugs: it builds a tier's test
// with the tag mutant, switches a bug on, and wants it to fail. docs/testing.md says
// which tier catches which.
package mutants
