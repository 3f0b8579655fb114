package config

import (
	"os"
	"path"
	"strconv"
	"strings"
)

const fallbackMemory Size = 2 << 30

// MachineMemory is the memory this process could have: the machine's, or the
// limit of a container where that is less. Where neither can be read it is
// 2 GiB.
func MachineMemory() Size { return machineMemory(os.ReadFile) }

func machineMemory(read func(string) ([]byte, error)) Size {
	least := Size(0)
	take := func(n Size) {
		if n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	if b, err := read("/proc/meminfo"); err == nil {
		take(memTotal(string(b)))
	}
	if b, err := read("/proc/self/cgroup"); err == nil {
		for _, file := range limitFiles(string(b)) {
			if b, err := read(file); err == nil {
				n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
				if err == nil && n < 1<<60 { // a huge number means no limit
					take(Size(n))
				}
			}
		}
	}
	if least == 0 {
		return fallbackMemory
	}
	return least
}

func memTotal(meminfo string) Size {
	for line := range strings.Lines(meminfo) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "MemTotal:" {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return Size(n) << 10
		}
	}
	return 0
}

// limitFiles names the files that may hold a limit: of the process's own group
// and of every group around it, in both versions of cgroups.
func limitFiles(cgroup string) []string {
	var files []string
	for line := range strings.Lines(cgroup) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		root, name := "/sys/fs/cgroup", "memory.max"
		switch {
		case parts[0] == "0" && parts[1] == "":
		case strings.Contains(","+parts[1]+",", ",memory,"):
			root, name = "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		for dir := path.Clean("/" + parts[2]); ; dir = path.Dir(dir) {
			files = append(files, path.Join(root, dir, name))
			if dir == "/" {
				break
			}
		}
	}
	return files
}
