<?php
// A small web login: it tells the node who tried, one connection an event.
if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    $node = fsockopen('127.0.0.1', (int) getenv('HONEYBEE_EVENT_PORT'), $errno, $error, 2);
    fwrite($node, json_encode([
        'pot_id' => getenv('HONEYBEE_POT_ID'),
        'pot_type' => getenv('HONEYBEE_HONEYPOT_TYPE'),
        'eventid' => 'phplogin.login.failed',
        'timestamp' => time(),
        'src_ip' => $_SERVER['REMOTE_ADDR'],
        'username' => $_POST['user'] ?? '',
        'password' => $_POST['pwd'] ?? '',
        'prepared' => trim(file_get_contents(__DIR__ . '/prepared.txt')),
    ]) . "\n");
    fclose($node);
    error_log('login of ' . ($_POST['user'] ?? ''));
    http_response_code(401);
}
echo '<form method="post"><input name="user"><input name="pwd" type="password"></form>';
