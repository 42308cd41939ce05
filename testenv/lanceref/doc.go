// Package lanceref lets Go tests ask the reference implementation of Lance.
//
// A Python child runs pylance (the version pinned in requirements.txt) and
// answers one line of JSON for every line it is sent:
//
//	test goroutine --{"op","args"}--> lanceref.py --> pylance --> table on disk
//	               <--{"result"}-----
//
// Arrow data crosses as IPC files in the test's temporary directory. One child
// serves the whole test binary: Start hands it out, the last user's cleanup ends
// it, and Shared keeps it from one test to the next. No goroutine is started, so
// leak checks stay quiet, and a child whose parent was killed ends at end of file.
//
// The interpreter is $PST_VENV/bin/python, or .venv/bin/python beside go.mod:
//
//	python3 -m venv .venv && .venv/bin/pip install -r testenv/lanceref/requirements.txt
//
// Where it is missing the test is skipped, and failed where CI=true is set.
package lanceref
