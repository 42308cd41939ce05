// Command puppet does what the tests of package runner tell it to.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	fmt.Println("variant", variant)
	switch os.Args[1] {
	case "exit":
		os.Exit(7)
	case "serve":
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		ballast := make([]byte, 64<<20)
		for i := range ballast {
			ballast[i] = 1
		}
		term := make(chan os.Signal, 1)
		signal.Notify(term, syscall.SIGTERM)
		fmt.Fprintf(os.Stderr, "listening on %s\n", l.Addr())
		go func() {
			_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprint(w, os.Getenv("PUPPET_SAYS"))
			}))
		}()
		<-term
		fmt.Fprintln(os.Stderr, "terminated", ballast[len(ballast)-1])
	}
}
