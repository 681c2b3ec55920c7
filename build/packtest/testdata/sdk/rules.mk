# A stand-in for the rules.mk of OpenWrt's SDK, for tests only: what a package's
# Makefile uses of it.
comma:=,
empty:=
space:=$(empty) $(empty)
INCLUDE_DIR:=$(TOPDIR)/include
BUILD_DIR:=$(WORK)/build
CP:=cp -fpR
INSTALL_DIR:=install -d -m0755
INSTALL_BIN:=install -m0755
INSTALL_DATA:=install -m0644
INSTALL_CONF:=install -m0600
