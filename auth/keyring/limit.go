package keyring

import (
	"encoding/base64"
	"math"
)

const (
	windowsMax = 2560 // CRED_MAX_CREDENTIAL_BLOB_SIZE

	// One line tells macOS' security tool what to store, its end included. The
	// tool's buffer takes one byte more; but then the end of the line would be a
	// command of its own, an empty one, whose success would hide a failure.
	darwinLine = 4095
)

// maxSize returns the most bytes that any value may have.
func maxSize(goos, service, account string) int {
	switch goos {
	case "windows":
		return windowsMax
	case "darwin":
		room := darwinLine - len(addLine(service, account, base64Mark))
		return base64.StdEncoding.DecodedLen(room) // names are bounded: there is room
	}
	return math.MaxInt
}
