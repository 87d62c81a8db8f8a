# SPDX-License-Identifier: Apache-2.0
"""One node with its control plane, as processes: etcd, API server, scheduler, controller manager,
containerd and kubelet. Flags and settings follow what the components' own documents ask for."""

import base64
import http
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import urllib.error
import urllib.request

from kubelet_peer import wait_until
from view import ADDRESS

NAME = "rota-node"
PORT = 6443
SERVER = f"https://127.0.0.1:{PORT}"
ETCD = "http://127.0.0.1:2379"
RUNTIME = pathlib.Path("/run/containerd/containerd.sock")
PODS_CIDR = "10.78.0.0/16"
SERVICES_CIDR = "10.79.0.0/24"
PAUSE_IMAGE = "rota.test/pause:1"
# Generous: only a component that does not come up at all reaches it.
UP_SECONDS = 120
# A look often starts a kubectl.
LOOK_SECONDS = 0.1
END_SECONDS = 30
ANSWER_SECONDS = 30
# user: groups. Each has a token of its own.
USERS = {
    "admin": ["system:masters"],
    "system:kube-scheduler": [],
    "system:kube-controller-manager": [],
    f"system:node:{NAME}": ["system:nodes"],
}
CONTROLLERS = ("serviceaccount-controller", "serviceaccount-token-controller",
               "root-ca-certificate-publisher-controller", "node-lifecycle-controller",
               "daemonset-controller", "replicaset-controller", "deployment-controller",
               "garbage-collector-controller", "namespace-controller", "pod-garbage-collector-controller",
               "taint-eviction-controller")

CONTAINERD = """version = 3
root = "{scratch}/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.nri.v1.nri"]

[grpc]
  address = "{runtime}"

[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "{pause}"

[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  cdi_spec_dirs = ["/etc/cdi", "/var/run/cdi"]

[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["/usr/lib/cni"]
  conf_dir = "/etc/cni/net.d"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
"""

NETWORK = {
    "cniVersion": "1.0.0",
    "name": "pods",
    "plugins": [{
        "type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": False,
        "ipam": {"type": "host-local", "ranges": [[{"subnet": PODS_CIDR}]],
                 "routes": [{"dst": "0.0.0.0/0"}]},
    }],
}

# Off by default in this version, and on in later ones.
GATES = ("ResourceHealthStatus",)

KUBELET = {
    "apiVersion": "kubelet.config.k8s.io/v1beta1",
    "kind": "KubeletConfiguration",
    "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
    "authorization": {"mode": "AlwaysAllow"},
    "cgroupDriver": "cgroupfs",
    "containerRuntimeEndpoint": f"unix://{RUNTIME}",
    "evictionHard": {"memory.available": "50Mi", "nodefs.available": "0%", "imagefs.available": "0%"},
    "failCgroupV1": False,
    "featureGates": {gate: True for gate in GATES},
    "failSwapOn": False,
    "imageGCHighThresholdPercent": 100,
    # Counted often, so that a change is told soon.
    "nodeStatusReportFrequency": "1s",
    "nodeStatusUpdateFrequency": "200ms",
    "oomScoreAdj": 0,
    "resolvConf": "",
    # An edited ConfigMap is in its volume that soon.
    "syncFrequency": "1s",
    # The restart of a container that failed is what some tests wait for.
    "crashLoopBackOff": {"maxContainerRestartPeriod": "2s"},
}


def ask(url, seconds, token=""):
    """The body of the answer. Over TLS the certificate is not looked at: it is our own, and the way is
    loopback."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    with urllib.request.urlopen(request, timeout=seconds, context=context) as answer:
        return answer.read()


def answers(url):
    try:
        return bool(ask(url, 2))
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def accepts(path):
    """Not whether the file is there: an old one survives a kill."""
    with socket.socket(socket.AF_UNIX) as peer:
        try:
            peer.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
    return True


class Process:
    """A component that can be killed and started again; what it says is in logs/."""

    def __init__(self, node, name, *arguments):
        self.name = name
        self.log_path = node.scratch / "logs" / f"{name}.log"
        self.words = [str(node.programs / name), *arguments]
        self.environment = node.environment()
        self.process = None

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env=self.environment)

    def stop(self, number=signal.SIGTERM):
        if self.process:
            self.process.send_signal(number)
            self.process.wait(END_SECONDS)
            self.process = None

    def check(self):
        if self.process and self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.tail()}")

    def tail(self, lines=30):
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])


class Node:
    def __init__(self, scratch, programs):
        self.scratch = pathlib.Path(scratch)
        self.programs = pathlib.Path(programs)
        self.kubeconfig = self.scratch / "admin.kubeconfig"
        self.token = None  # of its user
        for name in ("logs", "etc"):
            (self.scratch / name).mkdir(exist_ok=True)
        self.write_files()
        etc = self.scratch / "etc"
        self.etcd = Process(self, "etcd", f"--data-dir={self.scratch}/etcd", "--unsafe-no-fsync",
                            f"--listen-client-urls={ETCD}", f"--advertise-client-urls={ETCD}")
        self.api_server = Process(
            self, "kube-apiserver", f"--etcd-servers={ETCD}", f"--secure-port={PORT}",
            "--bind-address=127.0.0.1", f"--advertise-address={ADDRESS}",
            f"--tls-cert-file={etc}/server.crt", f"--tls-private-key-file={etc}/server.key",
            f"--token-auth-file={etc}/tokens.csv", "--authorization-mode=Node,RBAC",
            f"--service-account-key-file={etc}/server.key",
            f"--service-account-signing-key-file={etc}/server.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-cluster-ip-range={SERVICES_CIDR}", "--allow-privileged=true",
            "--kubelet-preferred-address-types=InternalIP", "--profiling=false",
            f"--feature-gates={','.join(f'{gate}=true' for gate in GATES)}")
        self.controllers = Process(
            self, "kube-controller-manager", f"--kubeconfig={etc}/system:kube-controller-manager",
            f"--service-account-private-key-file={etc}/server.key",
            f"--root-ca-file={etc}/server.crt", "--use-service-account-credentials=true",
            "--leader-elect=false", f"--controllers={','.join(CONTROLLERS)}", "--secure-port=0")
        self.scheduler = Process(
            self, "kube-scheduler", f"--kubeconfig={etc}/system:kube-scheduler",
            f"--authentication-kubeconfig={etc}/system:kube-scheduler",
            f"--authorization-kubeconfig={etc}/system:kube-scheduler", "--leader-elect=false",
            "--secure-port=0")
        self.containerd = Process(self, "containerd", f"--config={etc}/containerd.toml")
        self.kubelet = Process(
            self, "kubelet", f"--kubeconfig={etc}/system:node:{NAME}", f"--config={etc}/kubelet.json",
            f"--hostname-override={NAME}", f"--node-ip={ADDRESS}")
        self.all = [self.etcd, self.containerd, self.api_server, self.controllers, self.scheduler,
                    self.kubelet]

    def write_files(self):
        etc = self.scratch / "etc"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
             "/CN=rota-e2e", "-addext", "subjectAltName=DNS:kubernetes.default.svc,IP:127.0.0.1",
             "-keyout", etc / "server.key", "-out", etc / "server.crt"],
            check=True, stderr=subprocess.DEVNULL)
        tokens = []
        for number, (user, groups) in enumerate(USERS.items()):
            token = base64.urlsafe_b64encode(os.urandom(18)).decode()
            tokens.append(f'{token},{user},{number},"{",".join(groups)}"\n')
            self.write_kubeconfig(self.kubeconfig if user == "admin" else etc / user, token)
            if user == "admin":
                self.token = token
        (etc / "tokens.csv").write_text("".join(tokens))
        (etc / "containerd.toml").write_text(CONTAINERD.format(
            scratch=self.scratch, runtime=RUNTIME, pause=PAUSE_IMAGE))
        (etc / "kubelet.json").write_text(json.dumps(KUBELET))
        networks = pathlib.Path("/etc/cni/net.d")
        networks.mkdir(parents=True, exist_ok=True)
        (networks / "10-pods.conflist").write_text(json.dumps(NETWORK))

    def write_kubeconfig(self, path, token):
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "e2e",
            "clusters": [{"name": "e2e", "cluster": {
                "server": SERVER, "certificate-authority": str(self.scratch / "etc/server.crt")}}],
            "users": [{"name": "e2e", "user": {"token": token}}],
            "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": "e2e"}}]}))

    def start(self):
        self.etcd.start()
        self.containerd.start()
        self.wait(lambda: answers(f"{ETCD}/health"), "etcd")
        self.api_server.start()
        self.wait(lambda: answers(f"{SERVER}/readyz"), "the API server")
        self.controllers.start()
        self.scheduler.start()
        self.wait(lambda: accepts(RUNTIME), "containerd")

    def start_kubelet(self):
        self.kubelet.start()
        self.wait(self.is_ready, "a node that is Ready")

    def wait(self, condition, what, seconds=UP_SECONDS):
        def is_there():
            for process in self.all:
                process.check()
            return condition()
        return wait_until(is_there, what, seconds, LOOK_SECONDS)

    def environment(self):
        """In which a person's command line works; kubectl keeps what it learns below HOME."""
        return {"HOME": str(self.scratch), "KUBECONFIG": str(self.kubeconfig),
                "PATH": f"{self.programs}:/usr/sbin:/usr/bin:/sbin:/bin"}

    def kubectl(self, *words, text=None, is_checked=True):
        """Its output; an error says what kubectl said."""
        done = subprocess.run([str(self.programs / "kubectl"), *words], input=text,
                              capture_output=True, text=True, env=self.environment())
        if is_checked and done.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def get(self, *words):
        """A JSON document; None: there is none."""
        text = self.kubectl("get", *words, "-o", "json", is_checked=False)
        return json.loads(text) if text else None

    def read(self, path):
        """The same by its path at the API server, at a hundredth of the cost; for what is looked at again
        and again."""
        try:
            return json.loads(ask(f"{SERVER}{path}", ANSWER_SECONDS, self.token))
        except urllib.error.HTTPError as error:
            if error.code == http.HTTPStatus.NOT_FOUND:
                return None
            raise

    def is_ready(self):
        node = self.get("node", NAME)
        conditions = node["status"].get("conditions", []) if node else []
        return any(row["type"] == "Ready" and row["status"] == "True" for row in conditions)

    def stop(self):
        for process in reversed(self.all):
            process.stop(signal.SIGKILL)
