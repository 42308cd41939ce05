package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/pst-bridge/pst-bridge/sink/lance/dump"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/localfs"
)

// inspectCmd is "inspect".
type inspectCmd struct {
	Path    string `arg:"" placeholder:"TABLE|FILE|MANIFEST" help:"Folder of a table, one of its data files, or one of its manifests."`
	At      uint64 `placeholder:"VERSION" help:"Version of the table; without it: the newest."`
	Measure bool   `help:"Decode every page, to tell how well values of varying size are compressed."`
	JSON    bool   `help:"Print as JSON."`
}

// Help is the example shown by "help inspect".
func (*inspectCmd) Help() string {
	return example("pst-bridge inspect ./data/events.lance", "pst-bridge inspect --json ./data/events.lance/data/5f0c.lance")
}

// described is what package dump describes.
type described interface{ Text(w io.Writer) error }

// Run prints the description.
func (c *inspectCmd) Run(ctx context.Context, std *streams) error {
	d, err := c.describe(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(std.out).Encode(d)
	}
	return d.Text(std.out)
}

// describe reads what the path leads to: a folder is a table, a .manifest a
// version, and anything else a data file.
func (c *inspectCmd) describe(ctx context.Context) (d described, err error) {
	info, err := os.Stat(c.Path)
	if err != nil {
		return nil, advise(err, "name a table's folder, a data file or a manifest")
	}
	path, err := filepath.Abs(c.Path)
	if err != nil {
		return nil, err
	}
	o := dump.Options{Version: c.At, Measure: c.Measure}
	folder := filepath.Dir(path)
	isManifest := filepath.Ext(path) == ".manifest"
	switch {
	case info.IsDir():
		folder = path
	case c.At != 0:
		return nil, usagef("--at %d: only a table has versions", c.At)
	case isManifest:
		folder = filepath.Dir(folder)
	}
	store, err := localfs.Open(folder)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	switch {
	case info.IsDir():
		d, err = dump.ReadTable(ctx, store, o)
	case isManifest:
		d, err = dump.ReadManifest(ctx, store, filepath.Base(filepath.Dir(path))+"/"+filepath.Base(path))
	default:
		d, err = dump.ReadFile(ctx, store, filepath.Base(path), o)
	}
	if err != nil {
		return nil, fmt.Errorf("inspect %s: %w", c.Path, err)
	}
	return d, nil
}
