package lance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

// Errors of tags.
var (
	ErrNoTag     = errors.New("no such tag")
	ErrTagExists = errors.New("tag exists already")
)

const (
	tagsDir   = "_refs/tags/"
	tagSuffix = ".json"
	// maxTagFile bounds what is read as one tag.
	maxTagFile = 1 << 20
)

// Tag names a version. Other writers' clean-ups leave tagged versions alone.
type Tag struct {
	Name     string
	Version  uint64
	Created  time.Time
	Updated  time.Time         // when it was last moved to another version
	Branch   string            // empty for the table itself
	Metadata map[string]string // written by others
}

// tagFile is a stored tag, with the member names of the format.
type tagFile struct {
	Branch       *string           `json:"branch"`
	Version      uint64            `json:"version"`
	CreatedAt    *time.Time        `json:"createdAt"`
	UpdatedAt    *time.Time        `json:"updatedAt"`
	ManifestSize int64             `json:"manifestSize"`
	Metadata     map[string]string `json:"metadata"`
}

// CreateTag names a version that exists. A name consists of ASCII letters, digits,
// dots, dashes and underscores; dots neither begin nor end it nor stand in pairs,
// and it does not end in ".lock". Of racing calls for one name one wins, the others
// get ErrTagExists. The reference looks first and then writes: where it creates the
// same name in that moment, its tag stands.
func (t *Table) CreateTag(ctx context.Context, name string, version uint64) error {
	f, err := t.newTag(ctx, name, version)
	if err == nil {
		err = t.putTag(ctx, name, f)
	}
	if err != nil {
		return fmt.Errorf("create tag %q: %w", name, err)
	}
	return nil
}

// UpdateTag moves a tag to another version that exists. In a store that is an
// objstore.Replacer it is one step: the tag is there at every moment, so that no
// clean-up finds its version without one, and of racing calls the last one stands, as
// with the reference; a tag that is deleted meanwhile may come back. In any other store
// the tag is absent for a moment; if the process dies in that moment, or another one
// creates the tag anew, it stays as that left it.
func (t *Table) UpdateTag(ctx context.Context, name string, version uint64) error {
	f, err := t.newTag(ctx, name, version)
	var old *tagFile
	if err == nil {
		old, err = t.readTag(ctx, name)
	}
	if err == nil {
		f.CreatedAt, f.Metadata = old.CreatedAt, old.Metadata
		err = t.replaceTag(ctx, name, f)
	}
	if err != nil {
		return fmt.Errorf("update tag %q: %w", name, err)
	}
	return nil
}

func (t *Table) replaceTag(ctx context.Context, name string, f *tagFile) error {
	if store, ok := t.store.(objstore.Replacer); ok {
		data, err := f.encode()
		if err != nil {
			return err
		}
		return store.Replace(ctx, tagKey(name), data)
	}
	err := t.store.Remove(ctx, tagKey(name))
	if errors.Is(err, objstore.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrNoTag, err)
	}
	if err != nil {
		return err
	}
	return t.putTag(ctx, name, f)
}

// DeleteTag removes a tag; the version stays. ErrNoTag says that there is none.
func (t *Table) DeleteTag(ctx context.Context, name string) error {
	err := checkTagName(name)
	if err == nil {
		err = t.store.Remove(ctx, tagKey(name))
	}
	if errors.Is(err, objstore.ErrNotExist) {
		err = ErrNoTag
	}
	if err != nil {
		return fmt.Errorf("delete tag %q: %w", name, err)
	}
	return nil
}

// Tags returns the table's tags by name.
func (t *Table) Tags(ctx context.Context) ([]Tag, error) {
	var tags []Tag
	for info, err := range t.store.List(ctx, tagsDir) {
		if err != nil {
			return nil, fmt.Errorf("list tags: %w", err)
		}
		name, ok := strings.CutSuffix(strings.TrimPrefix(info.Key, tagsDir), tagSuffix)
		if !ok || checkTagName(name) != nil {
			continue // a temporary name, or a name that only other writers make
		}
		f, err := t.readTag(ctx, name)
		if errors.Is(err, ErrNoTag) {
			continue // deleted since
		}
		if err != nil {
			return nil, fmt.Errorf("list tags: %w", err)
		}
		tags = append(tags, f.tag(name))
	}
	return tags, nil
}

// Tag returns the version that a tag names: ErrNoTag, or what Version returns.
func (t *Table) Tag(ctx context.Context, name string) (*Dataset, error) {
	err := checkTagName(name)
	var f *tagFile
	if err == nil {
		f, err = t.readTag(ctx, name)
	}
	if err == nil && f.Branch != nil && *f.Branch != "" {
		err = fmt.Errorf("it names a version of branch %q: %w", *f.Branch, ErrUnsupported)
	}
	if err != nil {
		return nil, fmt.Errorf("open tag %q: %w", name, err)
	}
	d, err := t.Version(ctx, f.Version)
	if err != nil {
		return nil, fmt.Errorf("open tag %q: %w", name, err)
	}
	return d, nil
}

func (f *tagFile) tag(name string) Tag {
	tag := Tag{Name: name, Version: f.Version, Metadata: f.Metadata}
	if f.Branch != nil {
		tag.Branch = *f.Branch
	}
	if f.CreatedAt != nil {
		tag.Created = *f.CreatedAt
	}
	if f.UpdatedAt != nil {
		tag.Updated = *f.UpdatedAt
	}
	return tag
}

func tagKey(name string) string { return tagsDir + name + tagSuffix }

const tagLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"

func checkTagName(name string) error {
	odd := strings.ContainsFunc(name, func(r rune) bool {
		return !strings.ContainsRune(tagLetters, r)
	})
	switch {
	case name == "", odd, strings.HasPrefix(name, "."), strings.HasSuffix(name, "."), strings.Contains(name, ".."), strings.HasSuffix(name, ".lock"):
		return errors.New("a tag's name consists of letters, digits, single dots inside, dashes and underscores, and does not end in .lock")
	}
	return nil
}

func (t *Table) newTag(ctx context.Context, name string, version uint64) (*tagFile, error) {
	if err := checkTagName(name); err != nil {
		return nil, err
	}
	m, err := t.log.Version(ctx, version)
	if err != nil {
		return nil, err
	}
	now := time.Now
	if t.o.Now != nil {
		now = t.o.Now
	}
	at := now().UTC()
	info, err := manifest.Stat(ctx, t.store, m.Entry().Key)
	return &tagFile{
		Version: version, CreatedAt: &at, UpdatedAt: &at, ManifestSize: info.Size, Metadata: map[string]string{},
	}, err
}

func (f *tagFile) encode() ([]byte, error) { return json.MarshalIndent(f, "", "  ") }

func (t *Table) putTag(ctx context.Context, name string, f *tagFile) error {
	data, err := f.encode()
	if err != nil {
		return err
	}
	err = t.store.PutIfAbsent(ctx, tagKey(name), data, nil)
	if errors.Is(err, objstore.ErrExist) {
		err = ErrTagExists
	}
	return err
}

func (t *Table) readTag(ctx context.Context, name string) (*tagFile, error) {
	key := tagKey(name)
	info, err := manifest.Stat(ctx, t.store, key)
	switch {
	case errors.Is(err, objstore.ErrNotExist):
		return nil, ErrNoTag
	case err != nil:
		return nil, err
	case info.Size > maxTagFile:
		return nil, corrupt.Errorf(key, "tag", -1, "%d bytes are too many", info.Size)
	}
	data, _, err := manifest.ReadBytes(ctx, t.store, key)
	if errors.Is(err, objstore.ErrNotExist) {
		return nil, ErrNoTag
	}
	if err != nil {
		return nil, err
	}
	f := &tagFile{}
	if err := json.Unmarshal(data, f); err != nil {
		return nil, corrupt.Errorf(key, "tag", -1, "%w", err)
	}
	if f.Version == 0 {
		return nil, corrupt.Errorf(key, "tag", -1, "it names no version")
	}
	return f, nil
}
