package keyring_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// This test binary is macOS' security tool where the variable securityDir names
// a folder, whose files say how it behaves and hold what it stores. It does what
// the tool's published source does, with its faults: see keychain.
const securityDir = "REAUTH_TEST_SECURITY_DIR"

const (
	itemsFile  = "items"  // the keychain: service NUL account to value, in JSON
	exitFile   = "exit"   // every command ends with this status
	saysFile   = "says"   // and with these words
	hangFile   = "hang"   // wait for ever, after writing the process's id here
	printFile  = "print"  // find prints this and nothing else
	calledFile = "called" // the arguments of all calls
)

func securityTool(dir string, args []string) int {
	path := func(name string) string { return filepath.Join(dir, name) }
	log, err := os.OpenFile(path(calledFile), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(log, "%q\n", args)
	log.Close()
	if _, err := os.Stat(path(hangFile)); err == nil {
		if err := os.WriteFile(path(hangFile), []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
			panic(err)
		}
		select {}
	}
	items := make(map[string]string)
	if data, err := os.ReadFile(path(itemsFile)); err == nil {
		if err := json.Unmarshal(data, &items); err != nil {
			panic(err)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		panic(err)
	}
	s := &security{path: path, items: items}
	var status int
	if len(args) == 1 && args[0] == "-i" {
		status = s.interactive(os.Stdin)
	} else {
		status = s.command(args)
	}
	data, err := json.Marshal(items)
	if err != nil {
		panic(err)
	}
	if err := os.WriteFile(path(itemsFile), data, 0o600); err != nil {
		panic(err)
	}
	return status & 0xff
}

type security struct {
	path  func(string) string
	items map[string]string
}

// interactive runs one command a line. A line is cut at 4095 bytes, and what is
// left of it is the next; one that the input's end cuts off is dropped. The
// status is that of the last command.
func (s *security) interactive(stdin io.Reader) int {
	in := bufio.NewReader(stdin)
	status := 0
	for {
		var line []byte
		for len(line) < 4095 {
			c, err := in.ReadByte()
			if err != nil {
				return status
			}
			if c == '\n' {
				break
			}
			line = append(line, c)
		}
		args := splitLine(string(line))
		status = 0
		if len(args) > 0 {
			status = s.command(args)
			if status != 0 {
				fmt.Fprintf(os.Stderr, "%s: returned %d\n", args[0], status)
			}
		}
	}
}

// splitLine knows quotes of two kinds, which begin and end an argument, and
// backslashes, which count between quotes as well.
func splitLine(line string) (args []string) {
	const (
		between = iota
		bare
		quoted
	)
	state := between
	var arg []byte
	var quote byte
	for i := 0; i < len(line); i++ {
		c := line[i]
		space := c == ' ' || '\t' <= c && c <= '\r'
		switch {
		case state == between && space:
		case state == between && (c == '"' || c == '\''):
			state, quote = quoted, c
		case c == '\\':
			if state == between {
				state = bare
			}
			if i++; i < len(line) {
				arg = append(arg, line[i])
			}
		case state == bare && space, state == quoted && c == quote:
			args, arg, state = append(args, string(arg)), nil, between
		default:
			if state == between {
				state = bare
			}
			arg = append(arg, c)
		}
	}
	if state != between {
		args = append(args, string(arg))
	}
	return args
}

func (s *security) command(args []string) int {
	if text, err := os.ReadFile(s.path(saysFile)); err == nil {
		os.Stderr.Write(text)
	}
	if text, err := os.ReadFile(s.path(exitFile)); err == nil {
		status, err := strconv.Atoi(string(text))
		if err != nil {
			panic(err)
		}
		return status
	}
	opts := make(map[byte]string)
	rest := args[1:]
	for len(rest) > 0 && len(rest[0]) == 2 && rest[0][0] == '-' {
		name := rest[0][1]
		rest = rest[1:]
		if name == 'U' || name == 'g' {
			opts[name] = ""
			continue
		}
		if len(rest) == 0 {
			return 2
		}
		opts[name], rest = rest[0], rest[1:]
	}
	if len(rest) > 0 { // the name of a keychain; we have one, without a name
		fmt.Fprintln(os.Stderr, "security: SecKeychainOpen "+rest[0]+": A keychain with the same name could not be found.")
		return 1
	}
	key := opts['s'] + "\x00" + opts['a']
	value, found := s.items[key]
	switch args[0] {
	case "add-generic-password":
		if _, update := opts['U']; found && !update {
			return -25299
		}
		s.items[key] = opts['w']
		return 0
	case "find-generic-password", "delete-generic-password":
		if text, err := os.ReadFile(s.path(printFile)); err == nil {
			os.Stderr.Write(text)
			return 0
		}
		if !found {
			fmt.Fprintln(os.Stderr, "security: SecKeychainSearchCopyNext: The specified item could not be found in the keychain.")
			return -25300
		}
		fmt.Printf("keychain: \"login.keychain-db\"\nattributes:\n    \"svce\"<blob>=%q\n", opts['s'])
		if args[0] == "delete-generic-password" {
			delete(s.items, key)
			fmt.Fprintln(os.Stderr, "password has been deleted.")
			return 0
		}
		fmt.Fprintln(os.Stderr, "password: "+shown(value))
		return 0
	}
	fmt.Fprintf(os.Stderr, "security: unknown command %q\n", args[0])
	return 1
}

// shown is how the tool shows bytes.
func shown(value string) string {
	var text strings.Builder
	hex, ascii := false, false
	for _, c := range []byte(value) {
		if c >= ' ' && c <= '~' && c != '\\' {
			ascii = true
			text.WriteByte(c)
		} else {
			hex = true
			fmt.Fprintf(&text, `\%03o`, c)
		}
	}
	s := ""
	if hex {
		s = fmt.Sprintf("0x%X ", value)
		if ascii {
			s += " "
		}
	}
	if ascii {
		s += `"` + text.String() + `"`
	}
	return s
}
