#!/bin/sh
# Regenerates the .pb.go files. Needs protoc; the Go plugin comes from the tools module.
set -e
cd "$(dirname "$0")"
PATH="$(go env GOPATH)/bin:$PATH"
go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
${PROTOC:-protoc} --go_out=. --go_opt=paths=source_relative *.proto
