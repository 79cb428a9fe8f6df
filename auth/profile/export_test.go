package profile

// Builtin are all profiles of the package.
var Builtin = builtin

// HostsOf are all hosts that a profile is known by.
func HostsOf(p Profile) []string { return p.hosts() }

// Scan is what is read at the places of a body.
func Scan(body []byte, places ...string) int { return len(scan(body, places)) }
