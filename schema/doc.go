// Package schema says which columns a table has and how they may change. It is
// pure: functions over Arrow schemas, no I/O, no state. All of it may be called
// concurrently, and no argument is modified or kept.
package schema
