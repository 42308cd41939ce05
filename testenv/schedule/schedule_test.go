package schedule

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// inCI is how many schedules are run where nothing else is said.
const inCI = 20_000

func number(t *testing.T, name string, otherwise uint64) (n uint64, given bool) {
	text, ok := os.LookupEnv(name)
	if !ok {
		return otherwise, false
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n, true
}

// one runs one schedule.
func one(t *testing.T, seed uint64, figures map[string]int, log func(string)) (err error) {
	synctest.Test(t, func(*testing.T) {
		w := newWorld(seed, figures)
		w.log = log
		err = w.run()
	})
	return err
}

// Whatever happens in whatever order, each message becomes its rows, or its dead
// letter, once; what was acknowledged is there; and no topic stops without cause.
func TestSchedules(t *testing.T) {
	if seed, given := number(t, "PST_SCHEDULE_SEED", 0); given {
		if err := one(t, seed, map[string]int{}, func(text string) { t.Log(text) }); err != nil {
			t.Errorf("seed %d:\n%v", seed, err)
		}
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	many, _ := number(t, "PST_SCHEDULES", inCI)
	first := rand.Uint64() >> 24
	begun := time.Now()
	total := runAll(t, first, many)
	text := fmt.Sprintf("%d schedules from seed %d in %v:", many, first, time.Since(begun).Round(time.Millisecond))
	for _, what := range slices.Sorted(maps.Keys(total)) {
		text += fmt.Sprintf(" %s %d,", what, total[what])
	}
	t.Log(text)
	if many >= inCI && !t.Failed() {
		for _, what := range []string{"duplicates dropped", "conflicts", "unknown outcomes", "versions in a hole", "rollbacks found", "rewinds found", "columns widened", "batches put off"} {
			if total[what] == 0 {
				t.Errorf("no %s in %d schedules: they prove nothing", what, many)
			}
		}
	}
}

// runAll runs schedules on all cores until one fails, and sums up what they did.
func runAll(t *testing.T, first, many uint64) map[string]int {
	var (
		mu    sync.Mutex
		next  atomic.Uint64
		total = map[string]int{}
	)
	lane := func(t *testing.T) {
		t.Parallel()
		figures := map[string]int{}
		for i := next.Add(1); i <= many; i = next.Add(1) {
			seed := first + i - 1
			if err := one(t, seed, figures, nil); err != nil {
				next.Store(many) // the others end
				t.Errorf("schedule %d of this run fails; again with PST_SCHEDULE_SEED=%d:\n%v", i, seed, err)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		for what, n := range figures {
			total[what] += n
		}
	}
	t.Run("on all cores", func(t *testing.T) {
		for core := range runtime.GOMAXPROCS(0) {
			t.Run(strconv.Itoa(core), lane)
		}
	})
	return total
}
