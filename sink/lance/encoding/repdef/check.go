package repdef

import (
	"errors"
	"fmt"
	"math"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
)

// maxLayers keeps the definition levels and causes of any path within 16 bits.
const maxLayers = math.MaxUint16/2 - 1

// Check says whether a leaf is sound: known layers, levels in range and in a
// possible order, as many rows and values as the levels tell. The error is a
// *corrupt.Error with the given section. It allocates nothing to speak of.
func (l Leaf) Check(section string) error {
	if err := l.checkShape(); err != nil {
		return &corrupt.Error{Section: section, Offset: -1, Err: err}
	}
	if at, err := l.checkLevels(); err != nil {
		err = fmt.Errorf("level %d: %w", at, err)
		return &corrupt.Error{Section: section, Offset: -1, Err: err}
	}
	if len(l.Rep) > 0 {
		if rows := countStarts(l.Rep, MaxRep(l.Layers)); rows != l.Rows {
			return corrupt.Errorf("", section, -1, "levels of %d rows where %d are due", rows, l.Rows)
		}
	}
	if visible := l.Visible(0, l.Levels()); visible != l.Values.Len() {
		return corrupt.Errorf("", section, -1, "levels of %d values, but %d are there", visible, l.Values.Len())
	}
	return nil
}

// checkShape checks layers and lengths without looking at single levels.
func (l Leaf) checkShape() error {
	if len(l.Layers) == 0 || len(l.Layers) > maxLayers {
		return fmt.Errorf("%d layers", len(l.Layers))
	}
	for i, kind := range l.Layers {
		if !kind.Known() {
			return fmt.Errorf("unknown kind of layer %d: %d", i, uint8(kind))
		}
	}
	if l.Layers[0].IsList() {
		return errors.New("the innermost layer is a list")
	}
	switch {
	case l.Values == nil:
		return errors.New("no values")
	case l.Rows < 0:
		return fmt.Errorf("%d rows", l.Rows)
	case l.Rows > 0 && len(l.Rep) == 0 && MaxRep(l.Layers) > 0:
		return errors.New("lists without repetition levels")
	case len(l.Rep) > 0 && MaxRep(l.Layers) == 0:
		return fmt.Errorf("%d repetition levels without lists", len(l.Rep))
	}
	due := 0
	if MaxDef(l.Layers) > 0 {
		due = l.Levels()
	}
	if len(l.Def) != due {
		return fmt.Errorf("%d definition levels where %d are due", len(l.Def), due)
	}
	return nil
}

// checkLevels checks every level and what may follow what, and returns where
// the first fault is.
func (l Leaf) checkLevels() (int, error) {
	maxRep, maxDef := MaxRep(l.Layers), MaxDef(l.Layers)
	for i, d := range l.Def {
		if d > maxDef {
			return i, fmt.Errorf("definition %d is above %d", d, maxDef)
		}
	}
	if len(l.Rep) == 0 {
		return 0, nil
	}
	open := openLists(l.Layers)
	before := uint16(0) // lists open after the level before
	for i, r := range l.Rep {
		if r > maxRep {
			return i, fmt.Errorf("repetition %d is above %d", r, maxRep)
		}
		now := maxRep
		if len(l.Def) > 0 {
			now = open[l.Def[i]]
		}
		continued := maxRep - r
		if continued > before {
			return i, fmt.Errorf("goes on in list %d of %d open", continued, before)
		}
		if continued > now {
			return i, fmt.Errorf("adds nothing to list %d, which it goes on in", continued)
		}
		before = now
	}
	return 0, nil
}

// openLists is per definition level how many lists have an item there: those
// outside the layer that is null or empty.
func openLists(layers []Layer) []uint16 {
	open := make([]uint16, int(MaxDef(layers))+1)
	lists, def := MaxRep(layers), 0
	open[0] = lists
	for _, l := range layers {
		if l.IsList() {
			lists--
		}
		for range l.Width() {
			def++
			open[def] = lists
		}
	}
	return open
}

// countStarts counts the levels that start a row.
func countStarts(rep []uint16, maxRep uint16) int {
	n := 0
	for _, r := range rep {
		if r == maxRep {
			n++
		}
	}
	return n
}
