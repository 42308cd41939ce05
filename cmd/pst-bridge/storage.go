package main

import (
	"errors"
	"fmt"
	"os"
)

// prepareStorage makes the storage directory and proves that it can be written,
// before anything is fetched. It leaves nothing behind but the directory.
func prepareStorage(dir string) error {
	const next = "name a directory this user can write with --storage"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return advise(fmt.Errorf("make storage directory: %w", err), next)
	}
	probe, err := os.CreateTemp(dir, ".pst-probe-*")
	if err != nil {
		return advise(fmt.Errorf("write to storage directory: %w", err), next)
	}
	_, werr := probe.WriteString("pst-bridge asks whether it can write here\n")
	if err := errors.Join(werr, probe.Close(), os.Remove(probe.Name())); err != nil {
		return advise(fmt.Errorf("write to storage directory: %w", err), next)
	}
	return nil
}
