package decode

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pst-bridge/pst-bridge/schema"
)

// A key may occur again in another object, but not in the same one, however many it has.
func TestKeysOfTextAreUnique(t *testing.T) {
	b := NewBatch(nil, declare(t, schema.Ignore, col("a", "int8")))
	push(t, b, `{"z":{"k":{"k":1,"l":2},"l":{"k":1,"l":{"l":2}},"m":1}} {"z":{"k":1}}`)
	refuse(t, b, `{"z":{"k":{"k":1,"l":2},"l":{"k":1},"k":1}}`, ClassParse, "a key occurs twice")
	refuse(t, b, `{"z":{"k":{"k":1,"l":2},"l":{"l":1,"m":{},"l":1}}}`, ClassParse, "a key occurs twice")
	for n := range 3 * few {
		var keys []string
		for i := range n + 1 {
			keys = append(keys, fmt.Sprintf(`"k%d":{"k%d":1}`, i, i))
		}
		push(t, b, `{"z":{`+strings.Join(keys, ",")+`}}`)
		for _, i := range []int{0, n / 2, n} {
			refuse(t, b, `{"z":{`+strings.Join(append(keys, keys[i]), ",")+`}}`, ClassParse, "a key occurs twice")
		}
	}
}
