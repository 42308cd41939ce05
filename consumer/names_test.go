package consumer

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestConsumerName(t *testing.T) {
	for topic, want := range map[string]string{
		"demo":         "b-demo",
		"user_events":  "b-user_events",
		"a.b":          "b-a_x2Eb",
		"a_x2Eb":       "b-a_x5Fx2Eb",
		"_":            "b-_",
		"__x2E":        "b-__x5Fx2E",
		"_x2e":         "b-_x2e",
		"caf\u00e9":    "b-caf_xC3_xA9",
		"a-B9":         "b-a-B9",
		"sp:ace/slash": "b-sp_x3Aace_x2Fslash",
	} {
		got, err := ConsumerName("b", topic)
		if err != nil || got != want {
			t.Errorf("ConsumerName(b, %q) = %q, %v; want %q", topic, got, err, want)
		}
	}
}

func TestConsumerNameRefuses(t *testing.T) {
	for _, c := range []struct{ base, topic, says string }{
		{"", "a", "empty"},
		{"a.b", "a", "only A-Z"},
		{"b", "", "empty token"},
		{"b", "a..b", "empty token"},
		{"b", "a.>", "wildcard"},
		{"b", "a b", "white space"},
		{"b", "a\x00", "control"},
		{"b", "a\xff", "UTF-8"},
		{"b", strings.Repeat("x", 254), "more than 255"},
	} {
		_, err := ConsumerName(c.base, c.topic)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("ConsumerName(%q, %.20q): %v, want %q", c.base, c.topic, err, c.says)
		}
	}
}

// unescape is the inverse, written from the rule and not from the code.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if i+3 < len(s) && s[i] == '_' && s[i+1] == 'x' &&
			strings.IndexByte("0123456789ABCDEF", s[i+2]) >= 0 && strings.IndexByte("0123456789ABCDEF", s[i+3]) >= 0 {
			b.WriteByte(byte(strings.IndexByte("0123456789ABCDEF", s[i+2])<<4 | strings.IndexByte("0123456789ABCDEF", s[i+3])))
			i += 3
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// Two topics never share a name, of a consumer or a stream: every name leads back to its
// topic.
func TestNamesAreInjective(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		topic := rapid.StringOfN(rapid.SampledFrom([]rune("_xX2EeF5.a-\u00e9:")), 1, 12, -1).Draw(t, "topic")
		topic = rapid.SampledFrom([]string{topic, "DLQ", "_x44LQ", "DLQ" + topic}).Draw(t, "special")
		if CheckTopic(topic) != nil {
			t.Skip("not a topic")
		}
		name, err := ConsumerName("b", topic)
		if err != nil {
			t.Fatal(err)
		}
		for i := range len(name) {
			if !nameByte(name[i]) {
				t.Fatalf("name %q has byte %q", name, name[i])
			}
		}
		if back := unescape(strings.TrimPrefix(name, "b-")); back != topic {
			t.Fatalf("%q became %q, which reads as %q", topic, name, back)
		}
		stream, err := StreamName("PERSISTING", topic)
		if err != nil || stream == DefaultDeadLetterStream || strings.Trim(stream[len("PERSISTING_"):], "-_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") != "" {
			t.Fatalf("stream of %q: %q, %v", topic, stream, err)
		}
		if back, ok := topicOf("PERSISTING", stream); !ok || back != topic {
			t.Fatalf("stream of %q: %q, which reads as %q", topic, stream, back)
		}
	})
}

func TestSubjectCovers(t *testing.T) {
	for _, c := range []struct {
		wide, narrow string
		want         bool
	}{
		{"a.>", "a.>", true},
		{">", "a.>", true},
		{"a.>", "a.b.c", true},
		{"a.>", "a", false},
		{"a.*", "a.b", true},
		{"a.*", "a.>", false},
		{"a.*", "a.b.c", false},
		{"a.b", "a.>", false},
		{"*.>", "a.>", true},
		{"a.*.c", "a.b.c", true},
		{"a.*.c", "a.*.d", false},
		{"b.>", "a.>", false},
		{"a.b.c", "a.b", false},
	} {
		if got := subjectCovers(c.wide, c.narrow); got != c.want {
			t.Errorf("subjectCovers(%q, %q) = %v", c.wide, c.narrow, got)
		}
	}
}
