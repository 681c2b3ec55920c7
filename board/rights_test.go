package board

import (
	"path/filepath"
	"reflect"
	"testing"
)

func TestRights(t *testing.T) {
	full := "Name:\tforager\nUid:\t0\t65534\t0\t0\nGid:\t1\t2\t3\t4\nGroups:\t4 27 \nCapInh:\t00\nCapEff:\t0000000000000400\n" +
		"CapBnd:\t000001ffffffffff\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n"
	tests := []struct {
		name, text string
		want       Rights
		err        bool
	}{
		{name: "nothing there", err: true},
		{name: "three ids", text: "Uid:\t0\t0\t0\n", err: true},
		{name: "no hexadecimal", text: "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nCapEff:\txyz\nCapBnd:\t0\n", err: true},
		{name: "no CapBnd", text: "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nCapEff:\t0\n", err: true},
		{name: "an old kernel", text: "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nCapEff:\t0\nCapBnd:\t0\n", want: Rights{Seccomp: -1}},
		{
			name: "all", text: full,
			want: Rights{UID: 65534, GID: 2, Groups: []string{"4", "27"}, Effective: CapNetBindService, Bounding: 1<<41 - 1, NoNewPrivs: true, Seccomp: 2},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "status")
			write(t, path, tt.text)
			got, err := Machine{SelfStatus: path}.Rights()
			if (err != nil) != tt.err {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
	if _, err := (Machine{}).Rights(); err != nil {
		t.Errorf("of this process: %v", err)
	}
}

func TestCapabilitiesAsText(t *testing.T) {
	for c, want := range map[Capabilities]string{
		0: "none", CapNetBindService: "net_bind_service", CapNetBindService | CapNetRaw | 1<<40: "net_bind_service net_raw checkpoint_restore",
		CapSysAdmin | CapSysPtrace | 1<<24: "sys_ptrace sys_admin sys_resource", 1<<63 | CapSetPCap: "setpcap 63", CapKill | CapFOwner: "fowner kill",
	} {
		if got := c.String(); got != want {
			t.Errorf("%x: %s, want %s", uint64(c), got, want)
		}
	}
}
