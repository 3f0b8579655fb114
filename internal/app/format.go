package app

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"rapport/internal/config"
	"rapport/internal/disk"
	"rapport/internal/fault"
)

const (
	// formatFile says how the data folder is written: a number, and for people
	// the version that first wrote it so.
	formatFile = "format"
	// dataFormat is what this program reads and writes. It is raised with each
	// change that older programs would read wrongly or damage; what they merely
	// do not know of does not count. Folders without the file have the first.
	// Since 2 messages of an anchor's first chunks have no rows of their own.
	dataFormat = 2
)

// CheckFormat refuses a data folder that a newer version wrote in a way that
// this one does not know. It changes nothing; a folder that is not there, or has
// nothing in it yet, is none's.
func CheckFormat(c *config.Config) error {
	_, err := formatOf(c)
	return err
}

// formatOf gives the format of a data folder, 0 where nothing says it.
func formatOf(c *config.Config) (int, error) {
	path := c.Path(formatFile)
	text, err := disk.ReadFile(c.Files, path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the format of the data: %w", err)
	}
	number, by, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 {
		return 0, fault.Errorf(fault.Conflict, "data_format", "%s is damaged: it says %.40q where a number is expected; restore it from a backup", path, text)
	}
	if n > dataFormat {
		return n, fault.Errorf(fault.Conflict, "newer_data",
			"%s was written by a newer version (%.60s, format %d; this one knows %d): start that version or a later one, or restore a backup from before the upgrade into an empty folder",
			c.Data, by, n, dataFormat)
	}
	return n, nil
}

// markFormat says in a data folder that this program writes it from now on,
// before it writes anything else.
func markFormat(c *config.Config, version string) error {
	n, err := formatOf(c)
	if err != nil || n == dataFormat {
		return err
	}
	text := fmt.Sprintf("%d since rapport %s\n", dataFormat, version)
	if err := disk.WriteFile(c.Files, c.Path(formatFile), []byte(text)); err != nil {
		return fmt.Errorf("keeping the format of the data: %w", err)
	}
	return nil
}
