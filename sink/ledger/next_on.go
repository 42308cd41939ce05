//go:build nextrelease

package ledger

// next makes this a later release: it writes a format that this one does not know, and
// reads both.
const next = 1
