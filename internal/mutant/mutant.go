// Package mutant holds the switch of the deliberate bugs that the tests have to
// catch: docs/testing.md lists them. Only binaries built with the tag mutant have a
// bug, the one that the environment names; in every other, On is a constant false
// and the compiler drops what it guards.
package mutant

// Var is the environment variable that names the bug.
const Var = "PST_MUTANT"
