import os, time
# A hundred children that leave the session and the group, each with a child.
for _ in range(100):
    try:
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(3600)
            os._exit(0)
    except OSError as e:
        print("fork:", e.strerror, flush=True)
        break
print("forked", flush=True)
time.sleep(3600)
