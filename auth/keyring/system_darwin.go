package keyring

var thisSystem backend = keychain{tool: "/usr/bin/security"}

// platformTrouble has nothing to add: the keychain names its troubles itself.
func platformTrouble(error) *trouble { return nil }
