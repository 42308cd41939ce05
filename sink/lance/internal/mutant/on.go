//go:build mutant

package mutant

import "os"

// On reports whether a bug is switched on.
func On(name string) bool { return os.Getenv("PST_MUTANT") == name }
