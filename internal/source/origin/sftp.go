package origin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"path"
	"strings"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"rapport/internal/fault"
	"rapport/internal/feed"
)

// remoteFolder is a folder over SFTP.
type remoteFolder struct {
	Deps
	pull   *feed.Pull
	ssh    *ssh.Client
	client *sftp.Client
	stop   func() bool
}

// handshake is how long a server may take to greet.
const handshake = 20 * time.Second

func (d Deps) sftp(ctx context.Context, p *feed.Pull, secret string) (Origin, error) {
	how, err := signer(secret)
	if err != nil {
		return nil, err
	}
	address := withPort(p.SFTP.Address, "22")
	config := &ssh.ClientConfig{
		User: p.SFTP.User, Auth: how, Timeout: handshake,
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			if got := ssh.FingerprintSHA256(key); got != p.SFTP.HostKey {
				return fault.Errorf(fault.Forbidden, "host_key_differs", "the server's key has the fingerprint %s, and the pull says %s: find out which is right before you change it", got, p.SFTP.HostKey).At("sftp/host_key")
			}
			return nil
		},
	}
	conn, err := d.Dial(ctx, "tcp", address)
	if err != nil {
		return nil, unreachable("the SFTP server", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // ends whatever waits
	_ = conn.SetDeadline(d.Now().Add(handshake))
	c, channels, requests, err := ssh.NewClientConn(conn, address, config)
	if err != nil {
		stop()
		return nil, errors.Join(unreachable("the SFTP server", err), closed(conn))
	}
	_ = conn.SetDeadline(time.Time{})
	r := &remoteFolder{Deps: d, pull: p, ssh: ssh.NewClient(c, channels, requests), stop: stop}
	if r.client, err = sftp.NewClient(r.ssh); err != nil {
		return nil, errors.Join(unreachable("the SFTP server", err), r.Close())
	}
	return r, nil
}

// closed closes a connection that is perhaps closed already.
func closed(c io.Closer) error {
	if err := c.Close(); err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// signer makes of a secret what it is: a private key or a password.
func signer(secret string) ([]ssh.AuthMethod, error) {
	if !strings.Contains(secret, "PRIVATE KEY-----") {
		asked := func(_, _ string, questions []string, _ []bool) ([]string, error) {
			answers := make([]string, len(questions))
			for i := range answers {
				answers[i] = secret
			}
			return answers, nil
		}
		return []ssh.AuthMethod{ssh.Password(secret), ssh.KeyboardInteractive(asked)}, nil
	}
	key, err := ssh.ParsePrivateKey([]byte(secret))
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_key", "the private key cannot be read: give one in PEM without a passphrase").At("secret")
	}
	return []ssh.AuthMethod{ssh.PublicKeys(key)}, nil
}

// List gives the files, in the order of their names.
func (r *remoteFolder) List(ctx context.Context) ([]feed.Remote, error) {
	entries, err := r.client.ReadDirContext(ctx, r.pull.SFTP.Path)
	if err != nil {
		return nil, r.refused(r.pull.SFTP.Path, err)
	}
	if len(entries) > maxFiles {
		return nil, tooMany("the folder")
	}
	var out []feed.Remote
	for _, e := range entries {
		// A name with a slash would lead to another folder.
		if !e.Mode().IsRegular() || strings.ContainsAny(e.Name(), "/\x00") || !r.pull.Wants(e.Name()) {
			continue
		}
		out = append(out, feed.Remote{
			Name: e.Name(), Size: e.Size(), Mark: fmt.Sprintf("%d/%d", e.ModTime().Unix(), e.Size()), Fresh: r.Now().Sub(e.ModTime()) < settled,
		})
	}
	byName(out)
	return out, nil
}

// Fetch copies a file. One that changed meanwhile is left for the next time.
func (r *remoteFolder) Fetch(ctx context.Context, f feed.Remote, to io.Writer) (string, error) {
	name := path.Join(r.pull.SFTP.Path, f.Name)
	in, err := r.client.Open(name)
	if err != nil {
		return "", r.refused(name, err)
	}
	defer in.Close() //nolint:errcheck // it was only read
	if _, err := in.WriteTo(to); err != nil {
		return "", r.refused(name, errors.Join(err, context.Cause(ctx)))
	}
	info, err := in.Stat()
	if err != nil {
		return "", r.refused(name, err)
	}
	if info.Size() != f.Size || fmt.Sprintf("%d/%d", info.ModTime().Unix(), info.Size()) != f.Mark {
		return "", changed(f.Name)
	}
	return f.Mark, nil
}

func (r *remoteFolder) refused(name string, err error) error {
	var status *sftp.StatusError
	if errors.As(err, &status) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return fault.Errorf(fault.Unavailable, "file_unreadable", "the SFTP server does not let %.200q be read: %w", name, err)
	}
	return unreachable("the SFTP server", err)
}

// Close ends the connection.
func (r *remoteFolder) Close() error {
	r.stop()
	if r.client != nil {
		_ = closed(r.client) // the connection says what there is to say
	}
	return closed(r.ssh)
}
