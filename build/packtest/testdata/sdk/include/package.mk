# A stand-in for include/package.mk, for tests only: BuildPackage makes the
# target package, which leaves the files in $(WORK)/root and the fields that
# the package would have in $(WORK)/control.
PKG_BUILD_DIR?=$(BUILD_DIR)/$(PKG_NAME)-$(PKG_VERSION)

define BuildPackage
$(eval $(call Package/$(1)))
.PHONY: package
package:
	$(call Build/Prepare)
	$(call Build/Configure)
	$(call Build/Compile)
	rm -rf $(WORK)/root
	$(call Package/$(1)/install,$(WORK)/root)
	printf 'Package: %s\nVersion: %s-r%s\nSection: %s\nLicense: %s\nRequire-User: %s\n' \
		$(1) $(PKG_VERSION) $(PKG_RELEASE) $(SECTION) $(PKG_LICENSE) $(USERID) >$(WORK)/control
	printf '%s\n' $(call Package/$(1)/conffiles) >$(WORK)/conffiles
endef
