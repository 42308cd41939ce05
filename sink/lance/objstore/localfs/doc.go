// Package localfs keeps a table in a local directory.
//
// Everything goes through one os.Root opened with the table, so that neither a
// hostile key nor a symbolic link leads out of the directory, and a table that is
// moved away and made anew under the same name is noticed (objstore.ErrReplaced)
// and not written to by accident.
//
// # What is durable when
//
//	Create .. Finish   write, fsync file, fsync its directory
//	PutIfAbsent        write _versions/.tmp_<random>, fsync it, before(),
//	                   link(2) it to the key, unlink the temporary name,
//	                   fsync the directory
//	Replace            write .tmp_<random> beside the key, fsync it, rename(2) it
//	                   over the key, fsync the directory
//	Sync               fsync file, fsync its directory
//	a new directory    fsync its parent before anything inside it is relied on
//
// The publication is link(2), which fails where the name is taken; rename(2)
// would overwrite. Where the file system has no hard links, renameat2(2) with
// RENAME_NOREPLACE does the same on Linux. Where neither works, PutIfAbsent and
// Probe refuse with errors.ErrUnsupported.
//
// On Windows directories cannot be fsynced; NTFS journals names by itself.
package localfs
