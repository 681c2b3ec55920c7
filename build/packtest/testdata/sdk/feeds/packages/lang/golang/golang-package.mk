# A stand-in for the packages feed's golang-package.mk, for tests only: the
# variables that it gives a package for mipsel_24kc.
GO_ARCH:=mipsle
GO_ARM:=
GO_MIPS:=softfloat
GO_ARCH_DEPENDS:=@(aarch64||arm||i386||i686||mips||mipsel||riscv64||x86_64)
GO_BIN_PATH:=PATH=$(PATH)
GO_PKG_BUILD_VARS:=GOENV=off GOTOOLCHAIN=local
