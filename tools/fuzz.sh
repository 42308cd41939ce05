#!/bin/sh
# Runs each fuzz target of the packages below the given directories (default: all) for
# FUZZTIME (default 3m), one after the other, and prints what it executed and how many
# inputs reached new code. Stops at the first failure; its input then lies in testdata.
set -eu
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
grep -rn --include='*_test.go' -o '^func Fuzz[A-Za-z0-9]*' "${@:-.}" | sort | while IFS=: read -r path _ target; do
	target=${target#func }
	# Until 1.27 Go may report the end of the time as a failure: golang/go#75804.
	out=$(go test "./$(dirname "$path")" -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-3m}" -fuzzminimizetime 0 -parallel "${FUZZPARALLEL:-1}" 2>&1) ||
		case "$out" in
		*"Failing input"* | *panic:*) echo "$out" >&2; exit 1 ;;
		*"context deadline exceeded"*) ;;
		*) echo "$out" >&2; exit 1 ;;
		esac
	printf '%-40s %-24s %s\n' "$(dirname "$path")" "$target" "$(echo "$out" | sed -n 's/.*elapsed: [^,]*, \(execs.*\)/\1/p' | tail -1)"
done
