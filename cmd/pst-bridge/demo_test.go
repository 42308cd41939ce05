package main

import (
	"bytes"
	"context"
	"encoding/json"
	"hash/maphash"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/pst-bridge/pst-bridge/consumer/embedded"
)

// TestRecordIsItsJSON reads records back with another JSON reader.
func TestRecordIsItsJSON(t *testing.T) {
	seed := maphash.MakeSeed()
	for id := range int64(500) {
		rec := makeRecord(id)
		var in struct {
			ID     int64
			User   string
			Text   string
			Amount float64
			Paid   bool
			Note   *string
			Device struct {
				OS      string
				Version int64
			}
			Tags      []string
			Embedding []float32
		}
		text := rec.json(nil)
		if err := json.Unmarshal(text, &in); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		back := record{
			id: in.ID, user: in.User, text: in.Text, amount: in.Amount, paid: in.Paid, note: in.Note,
			device: device{in.Device.OS, in.Device.Version}, tags: in.Tags, embedding: in.Embedding,
		}
		if back.sum(seed) != rec.sum(seed) {
			t.Fatalf("%s is not the record", text)
		}
		if len(back.embedding) != vectorWidth {
			t.Fatalf("vector of %d", len(back.embedding))
		}
	}
}

func TestSumSeesEveryField(t *testing.T) {
	seed := maphash.MakeSeed()
	base := makeRecord(1)
	note := "x"
	for name, change := range map[string]func(*record){
		"id":        func(r *record) { r.id++ },
		"user":      func(r *record) { r.user += "x" },
		"text":      func(r *record) { r.text += "x" },
		"amount":    func(r *record) { r.amount += 0.01 },
		"paid":      func(r *record) { r.paid = !r.paid },
		"note":      func(r *record) { r.note = &note },
		"os":        func(r *record) { r.device.os += "x" },
		"version":   func(r *record) { r.device.version++ },
		"tags":      func(r *record) { r.tags = append([]string{"x"}, r.tags...) },
		"embedding": func(r *record) { r.embedding = append([]float32{2}, r.embedding[1:]...) },
	} {
		changed := makeRecord(1)
		change(&changed)
		if changed.sum(seed) == base.sum(seed) {
			t.Errorf("a change of %s does not change the sum", name)
		}
	}
}

// TestVectorComponentsAreExact: what the demo prints as three decimals is read as
// the same float32, whether parsed at 32 or at 64 bits.
func TestVectorComponentsAreExact(t *testing.T) {
	for k := -1000; k <= 1000; k++ {
		v := float32(k) / 1000
		text := strconv.FormatFloat(float64(v), 'f', 3, 32)
		wide, err := strconv.ParseFloat(text, 64)
		if err != nil || float32(wide) != v {
			t.Errorf("%s is read as %v, not %v (%v)", text, float32(wide), v, err)
		}
	}
}

func TestPrepareDemoKeepsWhatIsNotADemo(t *testing.T) {
	dir := t.TempDir()
	precious := filepath.Join(dir, "thesis.txt")
	if err := os.WriteFile(precious, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := runCLI(t, "", "demo", "--storage", dir)
	checkOneLine(t, r, exitFailure, "not empty", "--storage")
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
}

func TestPrepareDemoReplacesAnEarlierDemo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	if err := prepareDemo(dir); err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(dir, "demo.lance", "data")
	if err := os.MkdirAll(old, 0o755); err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(kept, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := prepareDemo(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !os.IsNotExist(err) {
		t.Errorf("the earlier table is still there (%v)", err)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Error(err)
	}
}

// TestDemoEndsExact plays the whole demo, kill included. It takes as long as the
// killed worker's messages need to come again: consumer.DefaultAckWait.
func TestDemoEndsExact(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	r := runCLI(t, "", "demo", "--storage", dir, "--records", "20000", "--json")
	if r.code != 0 {
		t.Fatalf("exit %d\n%s", r.code, r.err)
	}
	var res demoResult
	if err := json.Unmarshal([]byte(r.out), &res); err != nil {
		t.Fatalf("%q: %v", r.out, err)
	}
	if !res.Exact || res.Rows != 20000 || res.KilledAt == 0 || res.Versions == 0 || res.Bytes == 0 {
		t.Errorf("%+v", res)
	}
}

// TestDemoInterruptedLeavesNoChild ends the demo as soon as its workers run.
func TestDemoInterruptedLeavesNoChild(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var errs bytes.Buffer
	started := newSignal("committed ", &errs)
	done := make(chan int, 1)
	go func() {
		done <- execute(ctx, []string{"demo", "--storage", dir, "--records", "10000000"}, &streams{out: &errs, err: started})
	}()
	started.wait(t)
	cancel()
	if code := <-done; code != exitFailure {
		t.Errorf("exit %d\n%s", code, errs.String())
	}
	if !strings.Contains(errs.String(), "interrupted") {
		t.Errorf("stderr %q", errs.String())
	}
	// Whoever still holds the store would keep a new server from it.
	server, err := embedded.Start(embedded.Config{StoreDir: filepath.Join(dir, ".nats")})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Shutdown(); err != nil {
		t.Error(err)
	}
}

func TestVerdictIsExactOnlyWhenAllIsRight(t *testing.T) {
	good := verdict{Rows: 5}
	if !good.exact(5) {
		t.Error("a right table is not exact")
	}
	for name, v := range map[string]verdict{
		"rows": {Rows: 4}, "duplicates": {Rows: 5, Duplicates: 1}, "missing": {Rows: 5, Missing: 1},
		"different": {Rows: 5, Different: 1}, "unknown": {Rows: 5, Unknown: 1},
	} {
		if v.exact(5) {
			t.Errorf("%s is taken for exact", name)
		}
	}
}

func TestProgressWithoutATerminalIsLines(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, &out)
	b := p.add("published", 10)
	b.set(3)
	b.set(10)
	b.set(10)
	p.close()
	if got := out.String(); got != "published 10 / 10\n" {
		t.Errorf("%q", got)
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("control characters where there is no terminal")
	}
}

func TestWorkerEnvironmentLeadsNowhereElse(t *testing.T) {
	got := workerEnvironment([]string{"PATH=/bin", "NATS_URL=nats://prod", "PST_STORAGE=/data", "HOME=/root"})
	if strings.Join(got, " ") != "PATH=/bin HOME=/root" {
		t.Errorf("%v", got)
	}
}
