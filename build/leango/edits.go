package main

// source is one of Go's, below GOROOT, and the changes to it, for Go 1.26. Each
// old text must be there once.
type source struct {
	path  string
	edits []edit
}

type edit struct{ what, old, new string }

// linker: what it links carries neither line numbers nor the shapes of
// arguments. The runtime needs both for nothing but the text of a crash's
// trace, where every frame still has its function and the offset in it:
// build/lines makes lines of them again. They are a twelfth of the node, a
// tenth of it in squashfs.
var linker = source{
	path: "src/cmd/link/internal/ld/pcln.go",
	edits: []edit{
		{
			"no line tables",
			"pcSyms := []loader.Sym{pcsp, pcfile, pcline}",
			"_, _ = pcfile, pcline\n\t\tpcSyms := []loader.Sym{pcsp}",
		},
		{
			"offset 0 is how the runtime knows that a table is missing",
			"off = sb.SetUint32(ctxt.Arch, off, uint32(ldr.SymValue(pcfile)))\n" +
				"\t\t\toff = sb.SetUint32(ctxt.Arch, off, uint32(ldr.SymValue(pcline)))",
			"_, _ = pcfile, pcline\n\t\t\toff += 8",
		},
		{
			"no lines at which functions begin",
			"startLine = fi.StartLine()\n\t\t}\n\n\t\toff := int64(startLocations[i])",
			"}\n\n\t\toff := int64(startLocations[i])",
		},
		{
			"no file names",
			"func walkFilenames(ctxt *Link, funcs []loader.Sym, f func(*sym.CompilationUnit, goobj.CUFileIndex)) {",
			"func walkFilenames(ctxt *Link, funcs []loader.Sym, f func(*sym.CompilationUnit, goobj.CUFileIndex)) {\n\tfuncs = nil",
		},
		{
			"no arguments' shapes, and no places for what a function has not",
			"fdSyms = ldr.Funcdata(s, fdSyms)\n",
			"fdSyms = ldr.Funcdata(s, fdSyms)\n" +
				"\t\tfor i := range fdSyms {\n" +
				"\t\t\tif fdSyms[i] != 0 && (i == abi.FUNCDATA_ArgInfo || i == abi.FUNCDATA_ArgLiveInfo) {\n\t\t\t\tldr.SetAttrReachable(fdSyms[i], false)\n\t\t\t\tfdSyms[i] = 0\n\t\t\t}\n\t\t}\n" +
				"\t\tfor len(fdSyms) > 0 && fdSyms[len(fdSyms)-1] == 0 {\n\t\t\tfdSyms = fdSyms[:len(fdSyms)-1]\n\t\t}\n",
		},
		{
			"room for just these places",
			"numFuncData := ldr.NumFuncdata(s)",
			"numFuncData := len(funcData(ldr, s, fi, 0, nil))",
		},
	},
}

// curve: P-256 without assembly multiplies its generator as it does any other
// point, in constant time too, and not with a table of 86 KiB that no compression
// makes smaller and of which big-endian machines make a copy in memory. Signing
// takes 1.7 times as long, verifying 1.5, a TLS handshake of both sides 1.2
// (mipsle, emulated).
var curve = source{
	path: "src/crypto/internal/fips140/nistec/p256.go",
	edits: []edit{
		{
			"nothing made of the table",
			"func init() {\n\tp256GeneratorTablesPtr",
			"func _() {\n\tp256GeneratorTablesPtr",
		},
		{
			"the generator is a point like others",
			"\t// This function works like ScalarMult above, but the table is fixed and",
			"\tif true { // no table\n\t\treturn p.ScalarMult(NewP256Point().SetGenerator(), scalar)\n\t}\n" +
				"\t// This function works like ScalarMult above, but the table is fixed and",
		},
	},
}
