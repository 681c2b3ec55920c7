package pots

// The pages of what does not belong to the persona. They hold what scanners
// look for and no more.
const (
	pagePlainLogin = `<html><head><title>Login</title></head><body>
<form method="post"><input name="username"><input name="password" type="password"><input type="submit" value="Login"></form>
</body></html>
`
	pageBoaDenied = `<html><head><title>ERROR</title></head><body><blockquote>
<h4>ERROR:bad password!</h4><form><input type="button" onclick="history.go (-1)" value="&nbsp;&nbsp;OK&nbsp;&nbsp"></form></blockquote></body></html>
`
	pageWordPressHead = `<!DOCTYPE html>
<html lang="en-US">
<head><meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
<title>Log In &lsaquo; %{hostname} &#8212; WordPress</title>
<meta name='robots' content='max-image-preview:large, noindex, noarchive' /></head>
<body class="login no-js login-action-login wp-core-ui locale-en-us">
<div id="login"><h1><a href="https://wordpress.org/">Powered by WordPress</a></h1>
`
	pageWordPressForm = `<form name="loginform" id="loginform" action="/wp-login.php" method="post">
<p><label for="user_login">Username or Email Address</label><input type="text" name="log" id="user_login" class="input" value="" size="20" /></p>
<div class="user-pass-wrap"><label for="user_pass">Password</label><input type="password" name="pwd" id="user_pass" class="input password-input" value="" size="20" /></div>
<p class="submit"><input type="submit" name="wp-submit" id="wp-submit" class="button button-primary button-large" value="Log In" />
<input type="hidden" name="redirect_to" value="/wp-admin/" /><input type="hidden" name="testcookie" value="1" /></p>
</form></div></body></html>
`
	pageWordPress       = pageWordPressHead + pageWordPressForm
	pageWordPressDenied = pageWordPressHead + `<div id="login_error"><strong>Error:</strong> The username or password you entered is incorrect. <a href="/wp-login.php?action=lostpassword">Lost your password?</a><br />
</div>
` + pageWordPressForm
	pagePMAHead = `<!DOCTYPE HTML>
<html lang="en" dir="ltr"><head><meta charset="utf-8" /><title>phpMyAdmin</title></head><body id="loginform"><div class="container">
<h1>Welcome to <bdo dir="ltr" lang="en">phpMyAdmin</bdo></h1>
`
	pagePMAForm = `<form method="post" id="login_form" action="index.php" name="login_form" class="login">
<input type="text" name="pma_username" id="input_username" value="" size="24" /><input type="password" name="pma_password" id="input_password" value="" size="24" />
<input type="hidden" name="server" value="1" /><input type="hidden" name="token" value="%{pick:token:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx}" /><input value="Go" type="submit" id="input_go" /></form></div></body></html>
`
	pagePMA       = pagePMAHead + pagePMAForm
	pagePMADenied = pagePMAHead + "<div class=\"error\">#1045 Cannot log in to the MySQL server</div>\n" + pagePMAForm
	pageLuCIHead  = `<!DOCTYPE html>
<html><head><title>%{hostname} - LuCI</title></head><body><h2>Authorization Required</h2><p>Please enter your username and password.</p>
`
	pageLuCIForm   = "<form method=\"post\" action=\"/cgi-bin/luci\"><input name=\"luci_username\" value=\"root\" /><input type=\"password\" name=\"luci_password\" /><input type=\"submit\" value=\"Login\" /></form></body></html>\n"
	pageLuCI       = pageLuCIHead + pageLuCIForm
	pageLuCIDenied = pageLuCIHead + "<div class=\"errorbox\">Invalid username and/or password! Please try again.</div>\n" + pageLuCIForm
	pagePHPInfo    = "<html><head><title>phpinfo()</title></head><body><h1 class=\"p\">PHP Version 5.6.40</h1><table><tr><td class=\"e\">System</td><td class=\"v\">Linux %{hostname}</td></tr><tr><td class=\"e\">allow_url_include</td><td class=\"v\">On</td></tr></table></body></html>\n"
	pageEnv        = `APP_NAME=Laravel
APP_ENV=production
APP_KEY=base64:%{pick:key1:xXxxXXxxAxXxxXXxxAxX}%{pick:key2:XxxXXxxAxXxxXXxxAxXxxX}w=
APP_DEBUG=true
DB_CONNECTION=mysql
DB_HOST=127.0.0.1
DB_PORT=3306
DB_DATABASE=app
DB_USERNAME=app
DB_PASSWORD=%{pick:dbpw:xXx9xxXAxx9x}
`
	pageSOAP    = "<?xml version=\"1.0\"?>\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>"
	pageSOAPEnd = "</s:Body></s:Envelope>\n"
	pageHNAP    = "<GetDeviceSettingsResponse xmlns=\"http://purenetworks.com/HNAP1/\"><GetDeviceSettingsResult>OK</GetDeviceSettingsResult><Type>GatewayWithWiFi</Type>" +
		"<DeviceName>%{hostname}</DeviceName><VendorName>%{vendor}</VendorName><ModelName>%{model}</ModelName><FirmwareVersion>%{firmware}</FirmwareVersion></GetDeviceSettingsResponse>"
	pageUPnP = "<?xml version=\"1.0\"?>\n<root xmlns=\"urn:schemas-upnp-org:device-1-0\"><specVersion><major>1</major><minor>0</minor></specVersion><device>" +
		"<deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType><friendlyName>%{model}</friendlyName><manufacturer>%{vendor}</manufacturer>" +
		"<modelName>%{model}</modelName><serialNumber>%{serial}</serialNumber><UDN>uuid:%{pick:udn:xxxxxxxx-xxxx-xxxx-xxxx-}%{mac-}</UDN></device></root>\n"
)
