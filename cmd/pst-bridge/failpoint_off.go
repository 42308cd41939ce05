//go:build !failpoint || !unix

package main

import "github.com/pst-bridge/pst-bridge/bridge"

// armFailpoints does nothing: this binary was built without failpoints.
func armFailpoints(*bridge.Config) error { return nil }
