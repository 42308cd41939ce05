package decode

// keyStack holds the keys of objects that are passed as text, those of the innermost
// last.
type keyStack struct {
	text []byte
	ends []int // of each key in text
}

// keySet is the part of a keyStack that belongs to one object.
type keySet struct {
	first int
	many  map[string]bool // all of them, once they are more than few
}

// few keys of an object are compared one by one.
const few = 16

// open begins an object inside those that are open. What a payload leaves open is
// closed by reset.
func (k *keyStack) open() keySet { return keySet{first: len(k.ends)} }

func (k *keyStack) close(of keySet) {
	k.ends = k.ends[:of.first]
	k.text = k.text[:k.begin(of.first)]
}

func (k *keyStack) reset() { k.text, k.ends = k.text[:0], k.ends[:0] }

// begin is where the text of a key begins.
func (k *keyStack) begin(i int) int {
	if i == 0 {
		return 0
	}
	return k.ends[i-1]
}

// add adds a key to the innermost object, and tells whether it is new there.
func (k *keyStack) add(to *keySet, key []byte) bool {
	if to.many == nil && len(k.ends)-to.first < few {
		for i, end := range k.ends[to.first:] {
			if string(k.text[k.begin(to.first+i):end]) == string(key) {
				return false
			}
		}
		k.text = append(k.text, key...)
		k.ends = append(k.ends, len(k.text))
		return true
	}
	if to.many == nil {
		to.many = map[string]bool{}
		for i, end := range k.ends[to.first:] {
			to.many[string(k.text[k.begin(to.first+i):end])] = true
		}
	}
	if to.many[string(key)] {
		return false
	}
	to.many[string(key)] = true
	return true
}
