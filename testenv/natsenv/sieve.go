package natsenv

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"strconv"
)

// sieve passes on what a client says, but for the messages that swallow takes.
func (l *Link) sieve(to, from net.Conn) {
	r := bufio.NewReaderSize(from, 64<<10)
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return // a line longer than the buffer is none that these tests' clients send
		}
		text := bytes.Clone(line)
		subject, header, size := publication(text)
		if size >= 0 {
			body := make([]byte, size+len("\r\n"))
			if _, err := io.ReadFull(r, body); err != nil {
				return
			}
			if l.swallow(subject, body[header:size]) {
				continue
			}
			text = append(text, body...)
		}
		if !l.await(from, ToServer) {
			return
		}
		if _, err := to.Write(text); err != nil {
			return
		}
	}
}

// publication reads the line that announces a message: its subject, the size of its
// headers, and that of headers and body; size is -1 for any other line.
func publication(line []byte) (subject string, header, size int) {
	words := bytes.Fields(line)
	if len(words) < 3 {
		return "", 0, -1
	}
	number := func(at int) int {
		n, err := strconv.Atoi(string(words[at]))
		if err != nil {
			return -1
		}
		return n
	}
	switch string(words[0]) {
	case "PUB":
		return string(words[1]), 0, number(len(words) - 1)
	case "HPUB":
		return string(words[1]), number(len(words) - 2), number(len(words) - 1)
	}
	return "", 0, -1
}
