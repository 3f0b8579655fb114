package config

import (
	"strings"
	"time"
)

// Backup is where copies of the data go, how often and for how long.
type Backup struct {
	URL         string        `koanf:"url"` // empty: nowhere
	Every       time.Duration `koanf:"every"`
	Keep        time.Duration `koanf:"keep"`
	Rate        Size          `koanf:"rate"` // bytes a second
	S3Endpoint  string        `koanf:"s3_endpoint"`
	S3Region    string        `koanf:"s3_region"`
	S3AccessKey string        `koanf:"s3_access_key"`
	S3SecretKey string        `koanf:"s3_secret_key"`
}

func (b *Backup) validate() error {
	switch {
	case b.Every != 0 && b.Every < time.Minute:
		return bad("backup.every", b.Every.String(), "give at least 1m, or 0 to back up by hand")
	case b.Keep < 0:
		return bad("backup.keep", b.Keep.String(), "give how long, such as 720h, or 0 to keep all")
	case b.Rate != 0 && b.Rate < 1<<20:
		return bad("backup.rate", b.Rate.String(), "give at least 1MiB, or 0 for as fast as it goes")
	case strings.HasPrefix(b.URL, "s3://") && (b.S3AccessKey == "" || b.S3SecretKey == ""):
		return bad("backup.s3_secret_key", "…", "a bucket needs backup.s3_access_key and backup.s3_secret_key")
	}
	return nil
}
