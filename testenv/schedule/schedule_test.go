package schedule

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// inCI is how many schedules are run where nothing else is said.
const inCI = 3500

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

// Whatever happens in whatever order, each message becomes its rows, or its dead
// letter, once; what was acknowledged is there; and no topic stops without cause.
func TestSchedules(t *testing.T) {
	total := map[string]int{}
	one := func(seed uint64, log func(string)) (err error) {
		synctest.Test(t, func(*testing.T) {
			w := newWorld(seed, total)
			w.log = log
			err = w.run()
		})
		return err
	}
	if seed, given := number(t, "PST_SCHEDULE_SEED", 0); given {
		if err := one(seed, func(text string) { t.Log(text) }); err != nil {
			t.Errorf("seed %d:\n%v", seed, err)
		}
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	many, _ := number(t, "PST_SCHEDULES", inCI)
	first := rand.Uint64() >> 24
	begun := time.Now()
	for i := range many {
		if err := one(first+i, nil); err != nil {
			t.Fatalf("schedule %d of this run fails; again with PST_SCHEDULE_SEED=%d:\n%v", i+1, first+i, err)
		}
	}
	text := fmt.Sprintf("%d schedules from seed %d in %v:", many, first, time.Since(begun).Round(time.Millisecond))
	for _, what := range slices.Sorted(maps.Keys(total)) {
		text += fmt.Sprintf(" %s %d,", what, total[what])
	}
	t.Log(text)
	if many >= inCI {
		for _, what := range []string{"duplicates dropped", "conflicts", "unknown outcomes", "versions in a hole", "rollbacks found", "rewinds found"} {
			if total[what] == 0 {
				t.Errorf("no %s in %d schedules: they prove nothing", what, many)
			}
		}
	}
}
