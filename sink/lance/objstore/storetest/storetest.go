// Package storetest is the contract of objstore.Store as a test that every
// implementation passes.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"
	"testing"

	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

// racers is how many goroutines put one key at once.
const racers = 8

// Accept checks a store against the contract. Open returns a new, empty store each
// time, and arranges for its end itself.
func Accept(t *testing.T, open func(t *testing.T) objstore.Store) {
	t.Helper()
	for name, check := range map[string]func(*testing.T, objstore.Store){
		"create and read":           createAndRead,
		"abort":                     abort,
		"put if absent":             putIfAbsent,
		"before can call it off":    beforeCallsOff,
		"one of many puts wins":     race,
		"replace in one step":       replace,
		"list in order":             list,
		"what is not there":         missing,
		"bad keys":                  badKeys,
		"a context that has ended":  ended,
		"readers beside each other": concurrentReads,
	} {
		t.Run(name, func(t *testing.T) { check(t, open(t)) })
	}
}

func write(t *testing.T, s objstore.Store, key string, data []byte) {
	t.Helper()
	w, err := s.Create(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, s objstore.Store, key string) []byte {
	t.Helper()
	o, err := s.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	return data
}

func keys(t *testing.T, s objstore.Store, prefix string) []string {
	t.Helper()
	var got []string
	for info, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, info.Key)
	}
	return got
}

func expect(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

func createAndRead(t *testing.T, s objstore.Store) {
	data := bytes.Repeat([]byte("0123456789"), 10_000)
	w, err := s.Create(t.Context(), "data/deep/x.lance")
	if err != nil {
		t.Fatal(err)
	}
	for part := range slices.Chunk(data, 777) {
		if n, err := w.Write(part); n != len(part) || err != nil {
			t.Fatalf("wrote %d of %d: %v", n, len(part), err)
		}
	}
	if err := w.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.Abort(); err != nil {
		t.Errorf("abort after finish: %v", err)
	}
	if err := w.Finish(t.Context()); err == nil {
		t.Error("a second finish passed")
	}
	if _, err := w.Write([]byte("more")); err == nil {
		t.Error("a write after finish passed")
	}
	if got := read(t, s, "data/deep/x.lance"); !bytes.Equal(got, data) {
		t.Errorf("read %d bytes that differ from the %d written", len(got), len(data))
	}
	_, err = s.Create(t.Context(), "data/deep/x.lance")
	expect(t, "create a taken key", err, objstore.ErrExist)
	expect(t, "put a taken key", s.PutIfAbsent(t.Context(), "data/deep/x.lance", nil, nil), objstore.ErrExist)
	if err := s.Sync(t.Context(), "data/deep/x.lance"); err != nil {
		t.Errorf("sync: %v", err)
	}
	o, err := s.Open(t.Context(), "data/deep/x.lance")
	if err != nil {
		t.Fatal(err)
	}
	part := make([]byte, 20)
	if n, err := o.ReadAt(part, int64(len(data))-10); n != 10 || !errors.Is(err, io.EOF) {
		t.Errorf("read across the end: %d bytes, %v", n, err)
	}
	if err := o.Close(); err != nil {
		t.Error(err)
	}
}

func abort(t *testing.T, s objstore.Store) {
	w, err := s.Create(t.Context(), "data/x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("half")); err != nil {
		t.Fatal(err)
	}
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
	_, err = s.Open(t.Context(), "data/x")
	expect(t, "open what was aborted", err, objstore.ErrNotExist)
	write(t, s, "data/x", []byte("whole"))
}

func putIfAbsent(t *testing.T, s objstore.Store) {
	called := 0
	before := func(context.Context) error {
		called++
		if got := keys(t, s, "_versions/1"); len(got) != 0 {
			t.Errorf("published before before returned: %v", got)
		}
		return nil
	}
	if err := s.PutIfAbsent(t.Context(), "_versions/1", []byte("one"), before); err != nil {
		t.Fatal(err)
	}
	if called != 1 {
		t.Errorf("before was called %d times", called)
	}
	err := s.PutIfAbsent(t.Context(), "_versions/1", []byte("two"), nil)
	expect(t, "put a taken key", err, objstore.ErrExist)
	if errors.Is(err, objstore.ErrNotApplied) {
		t.Error("ErrExist and ErrNotApplied at once")
	}
	if got := read(t, s, "_versions/1"); string(got) != "one" {
		t.Errorf("the loser wrote %q", got)
	}
	if got := keys(t, s, ""); !slices.Equal(got, []string{"_versions/1"}) {
		t.Errorf("left behind: %v", got)
	}
	if err := s.PutIfAbsent(t.Context(), "_versions/0", nil, nil); err != nil {
		t.Errorf("put of nothing: %v", err)
	}
}

func beforeCallsOff(t *testing.T, s objstore.Store) {
	changed := errors.New("changed my mind")
	err := s.PutIfAbsent(t.Context(), "_versions/1", []byte("one"), func(context.Context) error { return changed })
	expect(t, "put", err, changed)
	expect(t, "put", err, objstore.ErrNotApplied)
	ctx, cancel := context.WithCancel(t.Context())
	err = s.PutIfAbsent(ctx, "_versions/1", []byte("one"), func(context.Context) error { cancel(); return nil })
	expect(t, "put", err, context.Canceled)
	expect(t, "put", err, objstore.ErrNotApplied)
	if got := keys(t, s, ""); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

func race(t *testing.T, s objstore.Store) {
	for round := range 20 {
		key := fmt.Sprintf("_versions/%d", round)
		var wg sync.WaitGroup
		errs := make([]error, racers)
		for i := range racers {
			wg.Go(func() { errs[i] = s.PutIfAbsent(t.Context(), key, []byte{byte(i)}, nil) })
		}
		wg.Wait()
		winner := -1
		for i, err := range errs {
			switch {
			case err == nil && winner < 0:
				winner = i
			case err == nil:
				t.Fatalf("round %d: %d and %d won", round, winner, i)
			case !errors.Is(err, objstore.ErrExist):
				t.Fatalf("round %d: a loser got %v", round, err)
			}
		}
		if winner < 0 {
			t.Fatalf("round %d: nobody won", round)
		}
		if got := read(t, s, key); !bytes.Equal(got, []byte{byte(winner)}) {
			t.Fatalf("round %d: %d won, the object holds %v", round, winner, got)
		}
	}
}

// replace is about stores that can.
func replace(t *testing.T, s objstore.Store) {
	r, ok := s.(objstore.Replacer)
	if !ok {
		return
	}
	const key = "_refs/tags/a.json"
	for _, data := range []string{"first", "2nd", ""} {
		if err := r.Replace(t.Context(), key, []byte(data)); err != nil {
			t.Fatal(err)
		}
		if got := read(t, s, key); string(got) != data {
			t.Errorf("%q is there, not %q", got, data)
		}
	}
	done := make(chan error, racers)
	for i := range racers {
		go func() { done <- r.Replace(t.Context(), key, bytes.Repeat([]byte{'a' + byte(i)}, 10_000)) }()
	}
	for ended := 0; ended < racers; {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			ended++
		default:
		}
		if got := read(t, s, key); len(got) != 0 && !bytes.Equal(got, bytes.Repeat(got[:1], 10_000)) {
			t.Fatalf("%d bytes of several calls", len(got))
		}
	}
	if got := keys(t, s, ""); !slices.Equal(got, []string{key}) {
		t.Errorf("left behind: %v", got)
	}
	expect(t, "replace of a bad key", r.Replace(t.Context(), "../a", nil), fs.ErrInvalid)
}

func list(t *testing.T, s objstore.Store) {
	all := []string{"a", "a!/z", "a.b/c", "a/b", "a/c/d", "b/x"}
	for i := len(all) - 1; i >= 1; i-- {
		write(t, s, all[i], []byte("1234567"[:i]))
	}
	want := all[1:]
	for prefix, n := range map[string][]string{
		"": want, "a": want[:4], "a/": want[2:4], "a/c": want[3:4], "a/c/": want[3:4], "a.b/c": want[1:2], "b/x/": nil, "c": nil, "c/": nil, "/": nil, "../": nil,
	} {
		if got := keys(t, s, prefix); !slices.Equal(got, n) {
			t.Errorf("list %q gives %v, want %v", prefix, got, n)
		}
	}
	for info, err := range s.List(t.Context(), "a/b") {
		if err != nil || info.Size != 3 || info.ModTime.IsZero() {
			t.Errorf("info of a/b is %+v, %v", info, err)
		}
	}
	for info := range s.List(t.Context(), "a") {
		if info.Key != want[0] {
			t.Errorf("first is %s", info.Key)
		}
		break
	}
}

func missing(t *testing.T, s objstore.Store) {
	_, err := s.Open(t.Context(), "data/x")
	expect(t, "open", err, objstore.ErrNotExist)
	expect(t, "sync", s.Sync(t.Context(), "data/x"), objstore.ErrNotExist)
	expect(t, "remove", s.Remove(t.Context(), "data/x"), objstore.ErrNotExist)
	write(t, s, "data/x", nil)
	if err := s.Remove(t.Context(), "data/x"); err != nil {
		t.Error(err)
	}
	_, err = s.Open(t.Context(), "data/x")
	expect(t, "open after remove", err, objstore.ErrNotExist)
}

func badKeys(t *testing.T, s objstore.Store) {
	for _, key := range []string{"", ".", "/x", "../x", "a/../../x", "a//b", "a/"} {
		if _, err := s.Open(t.Context(), key); err == nil {
			t.Errorf("open %q passed", key)
		}
		if _, err := s.Create(t.Context(), key); err == nil {
			t.Errorf("create %q passed", key)
		}
		if err := s.PutIfAbsent(t.Context(), key, nil, nil); !errors.Is(err, objstore.ErrNotApplied) {
			t.Errorf("put %q: %v", key, err)
		}
		if err := s.Remove(t.Context(), key); err == nil {
			t.Errorf("remove %q passed", key)
		}
	}
}

func ended(t *testing.T, s objstore.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	w, err := s.Create(ctx, "data/w")
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	_, err = s.Open(ctx, "data/x")
	expect(t, "open", err, context.Canceled)
	_, err = s.Create(ctx, "data/x")
	expect(t, "create", err, context.Canceled)
	expect(t, "finish", w.Finish(ctx), context.Canceled)
	err = s.PutIfAbsent(ctx, "data/x", nil, nil)
	expect(t, "put", err, context.Canceled)
	expect(t, "put", err, objstore.ErrNotApplied)
	for _, err := range s.List(ctx, "") {
		expect(t, "list", err, context.Canceled)
	}
}

func concurrentReads(t *testing.T, s objstore.Store) {
	data := make([]byte, 1<<16)
	for i := range data {
		data[i] = byte(i % 251)
	}
	write(t, s, "data/x", data)
	o, err := s.Open(t.Context(), "data/x")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range racers {
		wg.Go(func() {
			part := make([]byte, 1000)
			for at := i; at+len(part) <= len(data); at += 997 {
				if _, err := o.ReadAt(part, int64(at)); err != nil || !bytes.Equal(part, data[at:at+len(part)]) {
					t.Errorf("read at %d: %v, or other bytes", at, err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := o.Close(); err != nil {
		t.Error(err)
	}
}
