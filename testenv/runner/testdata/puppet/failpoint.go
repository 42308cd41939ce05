//go:build failpoint

package main

const variant = "failpoint"
