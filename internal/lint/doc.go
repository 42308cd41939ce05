// Package lint holds tests that keep the house rules a linter cannot know: who
// may import whom, what the binary contains, that exported symbols are
// documented, that the docs' links lead somewhere. It has no other code.
package lint
