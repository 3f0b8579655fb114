package config

import (
	"io/fs"
	"testing"
)

func TestMachineMemory_TakesTheLeastLimit(t *testing.T) {
	t.Parallel()
	meminfo := "MemTotal:       16777216 kB\nMemFree: 1 kB\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  Size
	}{
		"machine only":     {map[string]string{"/proc/meminfo": meminfo}, 16 << 30},
		"nothing readable": {nil, fallbackMemory},
		"version 2": {map[string]string{
			"/proc/meminfo": meminfo, "/proc/self/cgroup": "0::/a/b\n",
			"/sys/fs/cgroup/a/b/memory.max": "max\n", "/sys/fs/cgroup/a/memory.max": "1073741824\n",
		}, 1 << 30},
		"version 1": {map[string]string{
			"/proc/meminfo": meminfo, "/proc/self/cgroup": "5:cpu:/x\n9:memory:/x\n",
			"/sys/fs/cgroup/memory/x/memory.limit_in_bytes": "536870912\n",
			"/sys/fs/cgroup/memory/memory.limit_in_bytes":   "9223372036854771712\n",
		}, 512 << 20},
		"root of a container": {map[string]string{
			"/proc/meminfo": meminfo, "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "268435456\n",
		}, 256 << 20},
	} {
		got := machineMemory(func(name string) ([]byte, error) {
			if text, ok := c.files[name]; ok {
				return []byte(text), nil
			}
			return nil, fs.ErrNotExist
		})
		if got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}
