package files_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rapport/internal/destination"
	"rapport/internal/destination/files"
	"rapport/internal/destination/sinktest"
)

// Hashes that the platforms' own pages show for these values.
const (
	johnSmith = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f" // Meta: John_Smith@gmail.com
	phone     = "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176" // Meta: (650)555-1212 of the US
	mary      = "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec" // Meta: Mary
	valery    = "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c" // Meta: Valéry
	hangul    = "8fa8cd9c440be61d0151429310034083132b35975c4bea67fdd74158eb51db14" // Meta: 정
	birthday  = "01acdbf6ec7b4f478a225f1a246e5d6767eeab1a7ffa17f025265b5b94f40f0c" // Meta: 2/16/1997
	female    = "252f10c83610ebca1a059c0bae8255eba2f95be4d1d7bcfa89d7248a82d9f111" // Meta: F
	newYork   = "350c754ba4d38897693aa077ef43072a859d23f613443133fecbbd90a3512ca5" // Meta: New York
	ca        = "6959097001d10501ac7d54c0bdb8db61420f658f2922cc26e46d536119a31126" // Meta: CA
	us        = "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621" // Meta: US
	janeDoe   = "d6117306485ed0e50afab3ac871e98f81699151f30281527d63ff5f233656c69" // TikTok: janedoe@gmail.com
)

func TestNormal_GivesThePublishedHashes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ platform, field, in, want string }{
		{"meta", "email", " John_Smith@gmail.com ", johnSmith},
		{"meta", "phone", "+1 (650)555-1212", phone},
		{"meta", "phone", "001 650 555 1212", phone},
		{"meta", "phone", "16505551212", phone},
		{"meta", "first_name", "Mary", mary},
		{"meta", "first_name", " Mary! ", mary},
		{"meta", "first_name", "Valéry", valery},
		{"meta", "first_name", "정", hangul},
		{"meta", "birthday", "2/16/1997", birthday},
		{"meta", "birthday", "1997-02-16", birthday},
		{"meta", "birthday", "1997-02-16T00:00:00Z", birthday},
		{"meta", "gender", "Female", female},
		{"meta", "city", "New York", newYork},
		{"meta", "state", "CA", ca},
		{"meta", "country", "US", us},
		{"meta", "zip", "94035-1234", "1794327a4d443904421f5ca1f3d72d0a62ba2f0770d80755ec2220fc0efb052e"},
		{"tiktok", "email", " Jane Doe@Gmail.com", janeDoe},
		{"google", "email", "Jane.Doe@gmail.com", janeDoe},
		{"linkedin", "email", "JaneDoe@gmail.com", janeDoe},
		{"google", "email", "j.a.n.e.doe@googlemail.com", ""},
		{"google", "email", johnSmith, johnSmith},
		{"google", "country", "us ", "US"},
		{"google", "zip", " 94035 ", "94035"},
		{"meta", "phone", "0650 555 1212", "-"},
		{"meta", "phone", "call me", "-"},
		{"meta", "birthday", "soon", "-"},
		{"meta", "gender", "x", "-"},
		{"tiktok", "phone", "+1 657 777 0000", "a6e82c2f4091baff57a4f33d01efb65bfbeacbbfbcfaa9d0ff9f57d28d78fedb"},
	} {
		got := files.Normal(c.platform, c.field, c.in)
		if c.want == "" && (len(got) != 64 || got == janeDoe) || c.want == "-" && got != "" || c.want != "" && c.want != "-" && got != c.want {
			t.Errorf("%s %s %q is %q, want %q", c.platform, c.field, c.in, got, c.want)
		}
	}
}

func FuzzNormal(f *testing.F) {
	f.Add("John_Smith@gmail.com")
	f.Add("+1 (650)555-1212")
	f.Add("\u00a0\xff")
	f.Fuzz(func(t *testing.T, s string) {
		for _, field := range []string{"email", "phone", "first_name", "city", "zip", "birthday", "gender"} {
			for _, platform := range []string{"google", "meta", "linkedin", "tiktok"} {
				got := files.Normal(platform, field, s)
				if plain := platform == "google" && field == "zip"; !plain && got != "" && (len(got) != 64 || strings.Trim(got, "0123456789abcdef") != "") {
					t.Errorf("%s %s of %q is %q", platform, field, s, got)
				}
			}
		}
	})
}

const john = `{"person":{"identifiers":[{"namespace":"email","value":"John_Smith@gmail.com"},{"namespace":"phone","value":"+16505551212"}],
	"traits":{"firstName":"Mary","given":"Valéry","address":{"city":"New York","country":"US","postalCode":"94035"},"state":"CA","birthday":"1997-02-16","gender":"F"}},"audience":{"key":"vip","change":"%"}}`

func TestAudience_WritesFilesThatThePlatformsTake(t *testing.T) {
	t.Parallel()
	// Google reads no dots before the @ of its own domain, of which there is none
	// here; phones have a plus sign there and at TikTok.
	google, e164 := johnSmith, files.Normal("tiktok", "phone", "+16505551212")
	for platform, want := range map[string]string{
		"google": "Email,Phone,First Name,Last Name,Country,Zip\n" + google + "," + e164 + "," + mary + ",,US,94035\n",
		"meta": "email,phone,fn,ln,ct,st,zip,country,dob,gen\n" + johnSmith + "," + phone + "," + mary + ",," + newYork + "," + ca +
			",1794327a4d443904421f5ca1f3d72d0a62ba2f0770d80755ec2220fc0efb052e," + us + "," + birthday + "," + female + "\n",
		"linkedin": "email\n" + johnSmith + "\n",
		"tiktok":   "Email_SHA256,Phone_SHA256\n" + johnSmith + "," + e164 + "\n",
	} {
		env := sinktest.Env(t, &sinktest.Line{})
		env.Files = t.TempDir()
		sink := open(t, files.Settings{Audience: platform}, env)
		change := func(id, change string) destination.Message {
			return destination.Message{ID: id, Kind: destination.Member, Time: sinktest.At, Payload: json.RawMessage(strings.Replace(john, "%", change, 1))}
		}
		results := sink.Send(t.Context(), []destination.Message{
			change("1", "added"),
			{ID: "2", Kind: destination.Member, Payload: json.RawMessage(`{"person":{"traits":{"first_name":"x"}}}`)},
			change("3", "removed"), change("4", "added"),
		})
		var outcomes []string
		for _, r := range results {
			outcomes = append(outcomes, string(r.Outcome))
		}
		if got := strings.Join(outcomes, " "); got != "delivered refused delivered delivered" {
			t.Errorf("%s: %s, %+v", platform, got, results)
		}
		var names []string
		for _, below := range []string{"add", "remove"} {
			found, err := filepath.Glob(filepath.Join(env.Files, below, "day=2026-11-22", "*.csv"))
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range found {
				b, err := os.ReadFile(name)
				if err != nil || string(b) != want {
					t.Errorf("%s\n%s, want\n%s (%v)", name, b, want, err)
				}
				_, number, _ := strings.Cut(filepath.Base(name), "-")
				names = append(names, below+number[:8])
			}
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != "add00000001 add00000003 remove00000002" {
			t.Errorf("files %s", got)
		}
		if err := sink.Close(); err != nil {
			t.Error(err)
		}
	}
}
