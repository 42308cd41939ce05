// Package mutant holds the switch of the deliberate bugs of this library that tests
// have to catch. Only binaries built with the tag mutant have a bug, the one that the
// environment variable PST_MUTANT names; in every other, On is a constant false and
// the compiler drops what it guards.
package mutant
