package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/pst-bridge/pst-bridge/consumer"
)

// permissionsCmd is "nats-permissions". It connects to nothing.
type permissionsCmd struct {
	Topics        []string `env:"PST_TOPICS" placeholder:"TOPIC,..." help:"Topics that the bridge writes. Without it: all, and the bridge may use any consumer of the stream."`
	Stream        string   `env:"PST_STREAM" default:"${stream}" help:"Stream that holds the topics."`
	SubjectPrefix string   `env:"PST_SUBJECT_PREFIX" default:"${subject_prefix}" help:"Subject tokens before the topic."`
	Consumer      string   `env:"PST_CONSUMER" default:"${consumer}" help:"Base name of the durable consumers, as run has it."`
	JSDomain      string   `name:"js-domain" env:"PST_JS_DOMAIN" placeholder:"NAME" help:"JetStream domain."`
	PerTopic      bool     `name:"stream-per-topic" env:"PST_STREAM_PER_TOPIC" help:"Each topic has a stream of its own, as run has it. Without --topics the bridge may then use any consumer of the account."`
	Provision     bool     `help:"Let the bridge create streams and consumers; without it the operator does, and the bridge runs with --provision=false."`
	Account       string   `placeholder:"NAME" help:"Print an accounts block with the users in this account; without it an authorization block."`
	Output        string   `enum:"nats-server,json" default:"nats-server" help:"Form: nats-server, for its configuration file, or json."`
}

// Help is the example shown by "help nats-permissions".
func (*permissionsCmd) Help() string {
	return example("pst-bridge nats-permissions --topics orders,clicks > users.conf", "echo 'include users.conf' >> nats-server.conf")
}

// Run prints the users and what each may do.
func (c *permissionsCmd) Run(std *streams) error {
	users, err := consumer.PermissionConfig{
		Stream: c.Stream, Prefix: c.SubjectPrefix, Consumer: c.Consumer, Topics: c.Topics, Domain: c.JSDomain, Provision: c.Provision, PerTopic: c.PerTopic,
	}.Permissions()
	if err != nil {
		return usagef("%s", oneLine(err.Error()))
	}
	if c.Output == "json" {
		return printUsersJSON(std.out, users)
	}
	var b strings.Builder
	c.explain(&b)
	c.block(&b, users)
	_, err = io.WriteString(std.out, b.String())
	return err
}

// allowed is a list of subjects as the server writes it.
type allowed struct {
	Allow []string `json:"allow"`
}

func printUsersJSON(w io.Writer, users []consumer.User) error {
	type user struct {
		User        string  `json:"user"`
		Role        string  `json:"role"`
		InboxPrefix string  `json:"inbox_prefix"`
		Publish     allowed `json:"publish"`
		Subscribe   allowed `json:"subscribe"`
	}
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	all := make([]user, len(users))
	for i, u := range users {
		all[i] = user{u.Name, u.Role, u.InboxPrefix, allowed{u.Publish}, allowed{u.Subscribe}}
	}
	return out.Encode(all)
}

// explain writes what the reader has to know, as comments.
func (c *permissionsCmd) explain(b *strings.Builder) {
	line := func(format string, args ...any) { fmt.Fprintf(b, "# "+format+"\n", args...) }
	line("Users of pst-bridge, for nats-server. What is not listed is denied.")
	line("Passwords are taken from the server's environment, where they need quotes: BRIDGE_PASSWORD='\"...\"'.")
	line("Each user has its own inbox, else it could read the answers of others: --inbox-prefix, or the option of that")
	line("name of the client library. Any other user with \">\", \"$JS.ACK.>\" or \"$JS.API.>\" can lose messages in silence.")
	switch {
	case len(c.Topics) == 0 && c.PerTopic:
		line("No --topics: wildcards match whole tokens, so \"%s_*\" is none, and the bridge may use every consumer of every", c.Stream)
		line("stream, and see their names. Give it an account of its own (--account), or list the topics.")
	case len(c.Topics) == 0:
		line("No --topics: wildcards match whole tokens, so \"%s-*\" is none, and the bridge may use every consumer of", c.Consumer)
		line("stream %s. Keep other consumers off it, or list the topics.", c.Stream)
	}
	if !c.Provision {
		perTopic := ""
		if c.PerTopic {
			perTopic = " --stream-per-topic"
		}
		line("The bridge creates nothing: run it with --provision=false, after the operator created streams and consumers,")
		line("for instance with: pst-bridge run --once --topics ...%s --user operator --inbox-prefix %s", perTopic, consumer.InboxOperator)
	}
}

// block writes the users.
func (c *permissionsCmd) block(b *strings.Builder, users []consumer.User) {
	indent := "  "
	if c.Account == "" {
		b.WriteString("authorization {\n")
	} else {
		fmt.Fprintf(b, "accounts {\n  %s {\n    jetstream: enabled\n", strconv.Quote(c.Account))
		indent = "    "
	}
	fmt.Fprintf(b, "%susers: [\n", indent)
	for i, u := range users {
		writeUser(b, indent+"  ", u, passwordVariable(users, i))
	}
	fmt.Fprintf(b, "%s]\n", indent)
	if c.Account != "" {
		b.WriteString("  }\n")
	}
	b.WriteString("}\n")
}

// passwordVariable names where a user's password comes from. A topic need not be fit
// for a variable's name, so several publishers are numbered.
func passwordVariable(users []consumer.User, i int) string {
	name, _, several := strings.Cut(users[i].Name, "-")
	if several {
		name += strconv.Itoa(i - 1) // after bridge and operator
	}
	return strings.ToUpper(name) + "_PASSWORD"
}

func writeUser(b *strings.Builder, indent string, u consumer.User, password string) {
	fmt.Fprintf(b, "%s# %s; --inbox-prefix %s\n", indent, u.Role, u.InboxPrefix)
	fmt.Fprintf(b, "%s{\n%s  user: %s, password: $%s\n%s  permissions: {\n", indent, indent, strconv.Quote(u.Name), password, indent)
	for _, list := range []struct {
		act      string
		subjects []string
	}{{"publish", u.Publish}, {"subscribe", u.Subscribe}} {
		fmt.Fprintf(b, "%s    %s: { allow: [\n", indent, list.act)
		for _, s := range list.subjects {
			fmt.Fprintf(b, "%s      %s\n", indent, strconv.Quote(s))
		}
		fmt.Fprintf(b, "%s    ] }\n", indent)
	}
	fmt.Fprintf(b, "%s  }\n%s}\n", indent, indent)
}
