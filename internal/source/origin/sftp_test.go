package origin_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"rapport/internal/feed"
)

// sshServer is one that serves a folder over SFTP to u with a password or a key.
type sshServer struct {
	address, fingerprint, key string
}

func newSSH(t *testing.T, folder string) *sshServer {
	t.Helper()
	_, hostKey, _ := ed25519.GenerateKey(rand.Reader)
	host, err := ssh.NewSignerFromKey(hostKey)
	if err != nil {
		t.Fatal(err)
	}
	public, private, _ := ed25519.GenerateKey(rand.Reader)
	theirs, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	refuse := errors.New("no")
	config := &ssh.ServerConfig{
		PasswordCallback: func(c ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			if c.User() == "u" && string(password) == "pass word" {
				return nil, nil
			}
			return nil, refuse
		},
		PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if string(key.Marshal()) == string(theirs.Marshal()) {
				return nil, nil
			}
			return nil, refuse
		},
	}
	config.AddHostKey(host)
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serveSSH(conn, config, folder)
		}
	}()
	return &sshServer{l.Addr().String(), ssh.FingerprintSHA256(host.PublicKey()), string(pem.EncodeToMemory(block))}
}

func serveSSH(conn net.Conn, config *ssh.ServerConfig, folder string) {
	defer func() { _ = conn.Close() }()
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for c := range channels {
		channel, asked, err := c.Accept()
		if err != nil {
			return
		}
		go func() {
			for q := range asked {
				_ = q.Reply(q.Type == "subsystem" && string(q.Payload[4:]) == "sftp", nil)
			}
		}()
		s, err := sftp.NewServer(channel, sftp.ReadOnly(), sftp.WithServerWorkingDirectory(folder))
		if err != nil {
			return
		}
		_ = s.Serve()
		_ = channel.Close()
	}
}

func TestSFTP_GivesTheFilesOfAFolder(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write(t, time.Hour, filepath.Join(folder, "user-2.csv"), strings.Repeat("0123456789", 50_000))
	write(t, time.Hour, filepath.Join(folder, "user-1.csv"), "one")
	write(t, time.Second, filepath.Join(folder, "user-3.csv"), "still written")
	if err := os.Symlink("/etc/passwd", filepath.Join(folder, "user-4.csv")); err != nil {
		t.Log("no links here:", err)
	}
	s := newSSH(t, folder)
	p := &feed.Pull{Pattern: "user-*", SFTP: &feed.SFTPOrigin{Address: s.address, User: "u", HostKey: s.fingerprint, Path: "."}}
	for _, secret := range []string{"pass word", s.key} {
		out, err := all(t, deps(), p, secret, "")
		if err != nil || strings.Join(out.names, " ") != "user-1.csv user-2.csv user-3.csv" || len(out.bytes["user-2.csv"]) != 500_000 {
			t.Fatalf("%v %v", out.names, err)
		}
		if out.fresh["user-1.csv"] || !out.fresh["user-3.csv"] || out.marks["user-1.csv"] == "" {
			t.Errorf("fresh %v, marks %v", out.fresh, out.marks)
		}
	}
}

func TestSFTP_SaysWhyItBringsNothing(t *testing.T) {
	t.Parallel()
	s := newSSH(t, t.TempDir())
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := silent.Addr().String()
	_ = silent.Close()
	for name, c := range map[string]struct {
		address, print, secret, path string
		code, words                  string
	}{
		"another server":   {s.address, "SHA256:" + strings.Repeat("A", 43), "pass word", ".", "host_key_differs", s.fingerprint},
		"a wrong password": {s.address, s.fingerprint, "guess", ".", "origin_unreachable", "does not take the user"},
		"a broken key":     {s.address, s.fingerprint, "-----BEGIN OPENSSH PRIVATE KEY-----\nx", ".", "invalid_key", "PEM"},
		"no such folder":   {s.address, s.fingerprint, "pass word", "none", "file_unreadable", "none"},
		"nobody there":     {gone, s.fingerprint, "pass word", ".", "origin_unreachable", "cannot be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := all(t, deps(), &feed.Pull{SFTP: &feed.SFTPOrigin{Address: c.address, User: "u", HostKey: c.print, Path: c.path}}, c.secret, "")
			refused(t, err, c.code, c.words)
			if err != nil && strings.Contains(err.Error(), "pass word") {
				t.Error("the secret is told:", err)
			}
		})
	}
}
