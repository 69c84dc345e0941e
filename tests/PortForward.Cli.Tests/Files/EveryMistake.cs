namespace PortForward.Cli.Tests.Files;

/// <summary>A file with every mistake that people make, and what is said of each.</summary>
internal static class EveryMistake
{
    public const string Text = """
        version: 1
        namespace: shop
        kubecontext: kind-dev
        adress: localhost
        forwards:
          db: { target: svc/postgres, ports: [8080:80, :5432] }
          web:
            target: deploy/web
            ports:
              - "8080:http"
              - [::1]:9090:90
          cache: { target: svc/redis, ports: [6379], groups: [front] }
        	queue: { target: svc/rabbit, ports: ["5672"] }
          nothing: { ports: ["80"] }
          typed: { target: [svc/web], ports: "8080:80" }
          time: { target: svc/time, ports: [22:22] }
          db: { target: svc/postgres, ports: ["5433:5432"] }
          my-db: { target: svc/a, ports: [":1"] }
          my_db: { target: svc/b, ports: [":2"] }
          twice: { target: svc/twice, ports: ["8080:80"] }
          ssh: { target: svc/ssh, ports: ["8022:localhost:22"], prots: ["1"] }
          bare: { target: web, ports: [":80"], namespace: on }
          two words: { target: svc/a, ports: [":3"] }
        env:
          DATABASE_URL: {{db.addr}}
          CACHE_URL: "redis://{{cahce.addr}}"
          USER_ID: 1e3
          TOKEN: "${NO_SUCH_VARIABLE}"
          WEB: "http://{{web.adr}}/"
          PF_DB_HOST: "x"
        """;

    public static IReadOnlyList<string> Told { get; } =
    [
        "3:1: unknown key kubecontext: the file has version, context, namespace, address, forwards and env",
        "4:1: unknown key adress: did you mean address?",
        "6:48: :5432 in brackets is 5432 for some readers of YAML: put it in quotes, \":5432\"",
        "10:9: the local port 8080 is db's already, on line 6: give one of them another, or any free one, as in \":http\"",
        "11:9: [::1]:9090:90 is no text without quotes: write \"[::1]:9090:90\"",
        "12:39: 6379 is a number in YAML: put it in quotes, \"6379\"",
        "13:1: a tab indents this line: YAML takes spaces only",
        "14:3: nothing has no target, such as target: svc/nothing",
        "15:20: target is a text, and not a list",
        "15:38: ports is a list, such as [\"8080:80\"]",
        "16:37: 22:22 is a number in YAML: put it in quotes, \"22:22\"",
        "17:3: db is there twice: line 6 has it already",
        "19:3: my-db (line 18) and my_db would both set PF_MY_DB_PORT: give one of them another name",
        "20:39: the local port 8080 is db's already, on line 6: give one of them another, or any free one, as in \":80\"",
        "21:35: invalid port \"8022:localhost:22\": the address comes first, as in localhost:8022:22",
        "21:57: unknown key prots: did you mean ports?",
        "22:19: web has no type: a target is TYPE/NAME, such as pod/web",
        "22:51: on is a truth value in YAML: put it in quotes, \"on\"",
        "23:3: two words is no name for a forward: a name begins with a letter and has letters, digits, '-', '_' and '.'",
        "25:17: {{db.addr}} is no text without quotes: write \"{{db.addr}}\"",
        "26:23: {{cahce.addr}}: there is no forward cahce; did you mean cache?",
        "27:12: 1e3 is a number in YAML: put it in quotes, \"1e3\"",
        "28:11: the environment has no NO_SUCH_VARIABLE: set it, or write ${NO_SUCH_VARIABLE:-default}",
        "29:16: {{web.adr}}: did you mean {{web.addr}}?",
        "30:3: PF_DB_HOST: what begins with PF_ is set by pf itself",
    ];
}
