import time
n = 0
while True:
    with open("ballast-%d" % n, "wb") as f:
        for _ in range(60):
            f.write(b"x" * (1 << 20))
    n += 1
