package lanceref

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// errNoPython says that the virtual environment was not made.
var errNoPython = errors.New("no reference reader: run " +
	"python3 -m venv .venv && .venv/bin/pip install -r testenv/lanceref/requirements.txt")

// python finds the interpreter that has pylance. An environment named by
// PST_VENV must exist; the default one is looked for beside go.mod.
func python() (string, error) {
	venv := os.Getenv("PST_VENV")
	if venv == "" {
		root, err := moduleRoot()
		if err != nil {
			return "", err
		}
		venv = filepath.Join(root, ".venv")
	}
	path := filepath.Join(venv, "bin", "python")
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%w (%w)", errNoPython, err)
	}
	return path, nil
}

// moduleRoot walks up from the working directory, which under go test is the
// directory of the package, to the directory of go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find module root: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("find module root: %w: no go.mod above the working directory", os.ErrNotExist)
		}
		dir = up
	}
}
