package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// source is one parsed file of ours.
type source struct {
	pkg  string // below the module
	file string // below the module, for messages
	ast  *ast.File
	fset *token.FileSet
}

// sources parses every file of ours that is neither a test nor generated.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	top := root(t)
	for _, p := range list(t, "-tags=failpoint", "./...") {
		path, _ := rel(p.ImportPath)
		for _, name := range p.GoFiles {
			fset := token.NewFileSet()
			full := filepath.Join(p.Dir, name)
			f, err := parser.ParseFile(fset, full, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if ast.IsGenerated(f) {
				continue
			}
			short, err := filepath.Rel(top, full)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, source{pkg: path, file: short, ast: f, fset: fset})
		}
	}
	if len(all) < 10 {
		t.Fatalf("only %d files found", len(all))
	}
	return all
}

func TestExportedSymbolsAreDocumented(t *testing.T) {
	documented := map[string]bool{} // packages with a package comment
	for _, s := range sources(t) {
		documented[s.pkg] = documented[s.pkg] || s.ast.Doc != nil
		for _, name := range undocumented(s.fset, s.ast) {
			t.Errorf("%s: exported %s has no doc comment", s.file, name)
		}
	}
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("package %s has no package comment", pkg)
		}
	}
}

// undocumented names the exported declarations of a file without a comment. A
// comment on a group of constants or variables counts for its members, and one on
// a member counts for those that follow it without a blank line. Exported fields
// and interface methods are left to judgement.
func undocumented(fset *token.FileSet, f *ast.File) []string {
	var names []string
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) && !selfEvident(d) {
				names = append(names, d.Name.Name)
			}
		case *ast.GenDecl:
			if d.Doc == nil {
				names = append(names, undocumentedSpecs(fset, d.Specs)...)
			}
		}
	}
	return names
}

func undocumentedSpecs(fset *token.FileSet, specs []ast.Spec) []string {
	var names []string
	covered := 0 // the line up to which the last comment reaches
	for _, spec := range specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && s.Doc == nil {
				names = append(names, s.Name.Name)
			}
		case *ast.ValueSpec:
			if s.Doc != nil || s.Comment != nil || fset.Position(s.Pos()).Line == covered+1 {
				covered = fset.Position(s.End()).Line
				continue
			}
			for _, n := range s.Names {
				if n.IsExported() {
					names = append(names, n.Name)
				}
			}
		}
	}
	return names
}

// exportedReceiver reports whether d is a function, or a method of an exported type.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	recv := d.Recv.List[0].Type
	if star, ok := recv.(*ast.StarExpr); ok {
		recv = star.X
	}
	switch r := recv.(type) {
	case *ast.Ident:
		return r.IsExported()
	case *ast.IndexExpr:
		id, ok := r.X.(*ast.Ident)
		return ok && id.IsExported()
	}
	return true
}

// selfEvident are methods of the standard library's interfaces, whose contract
// is written there.
func selfEvident(d *ast.FuncDecl) bool {
	return d.Recv != nil && slices.Contains([]string{"Error", "Unwrap", "Is", "String"}, d.Name.Name)
}

// TestFacadeKeepsProtobufInside asserts that no exported declaration of the
// Lance library's facade mentions a protobuf message.
func TestFacadeKeepsProtobufInside(t *testing.T) {
	for _, s := range sources(t) {
		if s.pkg != "sink/lance" {
			continue
		}
		local := map[string]bool{} // names under which protobuf packages are imported
		for _, imp := range s.ast.Imports {
			path := strings.Trim(imp.Path.Value, `"`)
			if !strings.HasSuffix(path, "/lancepb") && !strings.HasPrefix(path, "google.golang.org/protobuf") {
				continue
			}
			name := path[strings.LastIndexByte(path, '/')+1:]
			if imp.Name != nil {
				name = imp.Name.Name
			}
			local[name] = true
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Name.IsExported() && exportedReceiver(n) {
					reportSelectors(t, s, n.Type, local, n.Name.Name)
				}
				return false
			case *ast.TypeSpec:
				if n.Name.IsExported() {
					reportSelectors(t, s, exportedParts(n.Type), local, n.Name.Name)
				}
				return false
			}
			return true
		})
	}
}

// exportedParts is a struct type without its unexported fields, and any other
// type as it is.
func exportedParts(x ast.Expr) ast.Node {
	st, ok := x.(*ast.StructType)
	if !ok {
		return x
	}
	kept := &ast.FieldList{}
	for _, f := range st.Fields.List {
		if len(f.Names) == 0 || f.Names[0].IsExported() {
			kept.List = append(kept.List, f)
		}
	}
	return kept
}

func reportSelectors(t *testing.T, s source, n ast.Node, local map[string]bool, owner string) {
	t.Helper()
	ast.Inspect(n, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && local[x.Name] {
				t.Errorf("%s: exported %s mentions %s.%s", s.file, owner, x.Name, sel.Sel.Name)
			}
		}
		return true
	})
}

func TestOnlyCmdReadsTheEnvironment(t *testing.T) {
	readers := []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv"}
	for _, s := range sources(t) {
		if matches("cmd/...", s.pkg) || matches("testenv/...", s.pkg) {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == "os" && slices.Contains(readers, sel.Sel.Name) {
				t.Errorf("%s: reads the environment (os.%s); take it as an argument", s.fset.Position(n.Pos()), sel.Sel.Name)
			}
			return true
		})
	}
}

// TestNoSleepInTests asserts that tests wait for what should happen. Under
// testing/synctest time is the test's own, and sleeping is how it passes.
func TestNoSleepInTests(t *testing.T) {
	checked := 0
	for _, p := range list(t, "-tags=failpoint", "./...") {
		for _, name := range append(p.TestGoFiles, p.XTestGoFiles...) {
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			checked++
			for _, pos := range sleeps(f) {
				t.Errorf("%s: time.Sleep outside synctest.Test", fset.Position(pos))
			}
		}
	}
	if checked < 10 {
		t.Fatalf("only %d test files found", checked)
	}
}

// sleeps finds calls of time.Sleep in functions that neither are nor hold a
// synctest bubble.
func sleeps(f *ast.File) []token.Pos {
	var found []token.Pos
	for _, d := range f.Decls {
		var calls []token.Pos
		bubble := false
		ast.Inspect(d, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok {
				bubble = bubble || x.Name == "synctest"
				if x.Name == "time" && sel.Sel.Name == "Sleep" {
					calls = append(calls, sel.Pos())
				}
			}
			return true
		})
		if !bubble {
			found = append(found, calls...)
		}
	}
	return found
}

// TestForbiddenPackageNames keeps out names that say nothing.
func TestForbiddenPackageNames(t *testing.T) {
	for _, p := range list(t, "./...") {
		last := p.ImportPath[strings.LastIndexByte(p.ImportPath, '/')+1:]
		if slices.Contains([]string{"types", "base", "common", "util", "utils", "helpers"}, last) {
			t.Errorf("package %s: name it after what it stores or does", p.ImportPath)
		}
	}
}

func TestUndocumented(t *testing.T) {
	const src = `package p
// A is documented.
type A struct{}
type B struct{}
func (A) M() {}
func (a *A) String() string { return "" }
func (b b) N() {}
// Both.
const ( C = 1; D = 2 )
var E = 1
var (
	// F and G.
	F = 1
	G = 2

	H = 3
)
`
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "p.go", src, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := undocumented(fset, f), []string{"B", "M", "E", "H"}; !slices.Equal(got, want) {
		t.Errorf("undocumented = %v, want %v", got, want)
	}
}
