//go:build unix

package scenario

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// A worker is suspended between its last look at the table and its put; another writer
// makes twenty versions, and a clean-up removes all but the last. The worker wakes up
// and publishes, successfully, a version that nobody will read. Only the read-back tells.
func TestZombiePublishesIntoAHole(t *testing.T) {
	r := newRig(t)
	r.durable("t", time.Hour)
	r.send("t", `{"n":0}`)
	r.once()
	r.send("t", `{"n":1}`)
	zombie := r.worker(string(bridge.MomentBeforePut) + "=stop@1")
	zombie.Stderr().WaitFor(t, patience, "failpoint before-put")
	ref := r.table("t")
	for i := range 20 {
		v := fmt.Sprint(i)
		if _, err := ref.UpdateConfig(map[string]*string{"other": &v}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ref.CleanupOldVersions(time.Nanosecond, lanceref.KeepUnverified); err != nil {
		t.Fatal(err)
	}
	zombie.Signal(syscall.SIGCONT)
	zombie.Stderr().WaitFor(t, patience, `"msg":"committed"`)
	r.awaitAcked("pst-bridge-t")
	zombie.Terminate()
	if exit := zombie.Wait(patience); exit.Code != 0 {
		t.Errorf("the zombie ended with %+v\n%s", exit, zombie.Stderr())
	}
	names, err := filepath.Glob(filepath.Join(r.storage, "t.lance", "_versions", "*.manifest"))
	if err != nil || len(names) != 3 {
		t.Errorf("want the head, what the zombie put into the hole, and its second try: %v, %v", names, err)
	}
	want(t, r.rows("t", "n"), "[0]", "[1]")
}
