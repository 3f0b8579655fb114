package app_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Somebody is erased, and people live on whose ids begin with that of the person:
// what stands of them in the files is not taken for something that was left.
func TestErasure_TakesNobodyElseForWhatIsLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := open(t, settings(t, dir))
	const gone = "qx7kz2w9"
	living := []string{gone + "b8hv", "r4j" + gone, gone + "1"}
	batch(t, a, `{"type":"identify","userId":"`+gone+`","messageId":"m","traits":{"nick":"a"}}`)
	for i, who := range living {
		batch(t, a, fmt.Sprintf(`{"type":"identify","userId":%q,"messageId":"m%d","traits":{"nick":"%s"}}`, who, i, strings.Repeat("z", i)))
	}
	proof := privacy(t, a, "erasure", "user_id:"+gone)["proof"].(map[string]any)
	scan := proof["scan"].(map[string]any)
	files := scan["files"].(map[string]any)
	if scan["log_hits"] != 0.0 || scan["state_hits"] != 0.0 || len(files["hits"].([]any)) > 0 || files["files"].(float64) < 3 {
		t.Errorf("the proof says %v", scan)
	}
	if whole := filesWith(t, dir, gone); whole == 0 {
		t.Error("no file has the value: this test does not see what it is about")
	}
	for _, who := range living {
		if p := api(t, a, "GET", "/profiles/user_id:"+who, "", 200); !strings.Contains(fmt.Sprint(p), who) {
			t.Errorf("%s: %v", who, p)
		}
	}
	api(t, a, "GET", "/profiles/user_id:"+gone, "", 404)
}

// filesWith counts the files below a folder that hold a value.
func filesWith(t *testing.T, dir, value string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil //nolint:nilerr // tidied up meanwhile
		}
		if text, err := os.ReadFile(path); err == nil && bytes.Contains(bytes.ToLower(text), []byte(value)) {
			n++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
